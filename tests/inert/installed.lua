-- installed.lua: the measure of measure.lua over what a machine with the demo's packages has: each file of lua-socket has to
-- load inert, run the same lines of its body as it really did, and leave the program as it was. Exit status 77: not there.

local loads = require "loads"
local inert = require "inert"

local modules = { "ltn12", "mime", "socket", "socket.ftp", "socket.headers", "socket.http", "socket.smtp", "socket.tp", "socket.url" }
if not package.searchpath("socket", package.path) then
    os.exit(77)
end

local files, failed = {}, false
local function complain(...)
    failed = true
    io.stderr:write(string.format(...), "\n")
end

inert.start()
for _, module in ipairs(modules) do
    require(module)
    files[package.searchpath(module, package.path)] = true
end
inert.stop()

local recorded = 0
for _, record in ipairs(inert.records()) do
    recorded = recorded + (files[record.source:sub(2)] and next(record.lines) and 1 or 0)
end
local rows, difference, objects = loads.measure_all(function(file) return files[file] end)
if recorded ~= #modules or #rows ~= #modules then
    complain("%d of %d bodies were recorded, %d loaded inert", recorded, #modules, #rows)
end
for _, row in ipairs(rows) do
    if row.status ~= "ok" then
        complain("%s: %s: %s", row.file, row.status, row.error)
    elseif #row.missed + #row.extra > 0 then
        complain("%s: missed lines %s, ran besides %s", row.file, table.concat(row.missed, " "), table.concat(row.extra, " "))
    end
end
if difference then
    complain("the program changed: %s", difference)
elseif objects < 200 then
    complain("only %d objects were looked at", objects)
end
os.exit(not failed)
