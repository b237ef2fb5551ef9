-- The server under test: lua server.lua DIR. Modules are in DIR; DIR/setup.lua, if there, is run first with `hotpatch` as its
-- argument and may return { start = options or false, modules = { names }, poll = false }. Writes DIR/port when it is up.
--
-- It is driven over a TCP connection of its own, which has nothing to do with hotpatch: a line with a length, then that many
-- bytes of Lua; the answer likewise, beginning with "+" (results, tab-separated) or "-" (error).
local dir = arg[1]
package.path = dir .. "/?.lua"
local socket = require "socket.core"
sleep = socket.sleep

local hotpatch = os.getenv "E2E_WITHOUT_HOTPATCH" == nil and require "hotpatch" or nil
local setup = {}
local file = io.open(dir .. "/setup.lua")
if file then
    setup = assert(load(file:read("a"), "@setup.lua"))(hotpatch) or {}
    file:close()
end
if hotpatch and setup.start ~= false then
    hotpatch.start(setup.start or { name = "e2e" })
end
for _, name in ipairs(setup.modules or {}) do
    require(name)
end

local listener = assert(socket.tcp())
assert(listener:bind("127.0.0.1", 0))
assert(listener:listen(8))
listener:settimeout(0)
local connections = {}
stop = false
turns = 0

local function answer(connection)
    local length, failure = connection:receive("*l")
    if not length then
        return failure ~= "closed"
    end
    local code = connection:receive(tonumber(length))
    local chunk, problem = load(code, "=control")
    local results = chunk and table.pack(pcall(chunk)) or { n = 2, false, problem }
    for i = 1, results.n do results[i] = tostring(results[i]) end
    local text = (results[1] == "true" and "+" or "-") .. table.concat(results, "\t", 2, results.n)
    connection:send(#text .. "\n" .. text)
    return true
end

-- Without a select of its own (socket.core has one, but tables by object would hide who is ready): short turns are enough.
while not stop do
    turns = turns + 1
    if hotpatch and setup.poll ~= false then
        hotpatch.poll()
    end
    local connection = listener:accept()
    if connection then
        connection:settimeout(0.001)
        connections[#connections + 1] = connection
    end
    for i = #connections, 1, -1 do
        if not answer(connections[i]) then
            connections[i]:close()
            table.remove(connections, i)
        end
    end
    if turns == 2 then
        local _, port = listener:getsockname()
        local out = assert(io.open(dir .. "/port.new", "w"))
        out:write(port, "\n")
        out:close()
        os.rename(dir .. "/port.new", dir .. "/port")
    end
    if #connections == 0 then
        sleep(0.002)
    end
end
