-- What was really loaded in this process, loaded again inert and compared: shared by measure.lua and the Prosody plugin.
-- Everything is fetched from the globals before anything is measured, for modules do strange things to them.

local inert = require "inert"
local encode = require "encode"
local snapshot = dofile(os.getenv "HOTPATCH_SNAPSHOT")

local loads = {}

local ipairs, pairs, next, type, tostring = ipairs, pairs, next, type, tostring
local rawget, rawequal, globals = rawget, rawequal, _G
local load, dump = load, string.dump
local open, sort = io.open, table.sort
local getupvalue, getregistry = debug.getupvalue, debug.getregistry

local function read(file)
    local f = open(file, "rb")
    local text = f and f:read "a"
    if f then f:close() end
    return text
end

-- Keys of `a` that `b` lacks, in order.
local function beyond(a, b)
    local list = {}
    for line in pairs(a) do
        if not b[line] then list[#list + 1] = line end
    end
    sort(list)
    return list
end

-- The table that is the body's _ENV; nil for the globals.
local function environment(body)
    for i = 1, 255 do
        local name, value = getupvalue(body, i)
        if name == nil then return nil end
        if name == "_ENV" then
            return not rawequal(value, globals) and type(value) == "table" and value or nil
        end
    end
end

-- Is that the body of the file as it is? (Not so for a piece that a module loads under its own name.)
local function same_code(body, text, source)
    local again = load((text:gsub("^#[^\n]*", "")), source, "t")
    return again ~= nil and dump(again) == dump(body)
end

-- One record of inert.records() -> a row of the report, nil for what is not the body of a file.
local function measure(record)
    local file = record.source:sub(2)
    local text = read(file)
    if text == nil or not same_code(record.body, text, record.source) then return nil end
    local first, second = record.arguments[1], record.arguments[2]
    local got = inert.stage {
        text = text, chunk_name = record.source, arguments = #record.arguments > 0,
        module = type(first) == "string" and first or file,
        path = type(second) == "string" and second or file,
        environment = environment(record.body),
    }
    return {
        file = file, module = type(first) == "string" and first or nil,
        status = got.status, error = got.error, traceback = got.traceback,
        missed = beyond(record.lines, got.lines), extra = beyond(got.lines, record.lines),
        effects = #got.effects, warnings = got.warnings,
    }
end

-- Did the body come to its end? One that ends in a tail call is not seen to return, but `require` has kept its result.
local function completed(record)
    local name = record.arguments[1]
    local loaded = getregistry()._LOADED
    return record.returned or record.last and type(name) == "string" and rawget(loaded, name) ~= nil
end

-- Stages every record that came to its end and that `wanted(file)` is true for. Returns the rows, and nil or what was
-- different in the live program afterwards.
function loads.measure_all(wanted)
    local rows, chosen = {}, {}
    local records, later = inert.records(), {}
    for i = #records, 1, -1 do
        records[i].last = not later[records[i].source]
        later[records[i].source] = true
    end
    for _, record in ipairs(records) do
        if completed(record) and wanted(record.source:sub(2)) then
            chosen[#chosen + 1] = record
        end
    end
    local _ = ("x"):rep(10000):gsub("x", "y") -- Lua's library makes a metatable for long strings when it needs the first one
    local roots = { getregistry(), globals }
    local opaque = { [inert.table] = true, [inert] = true, [loads] = true, [rows] = true, [chosen] = true }
    local before = snapshot.take(roots, opaque)
    for _, record in ipairs(chosen) do
        rows[#rows + 1] = measure(record)
    end
    local difference = snapshot.same(before, snapshot.take(roots, opaque))
    local objects = 0
    for _ in next, before.records do objects = objects + 1 end
    return rows, difference, objects
end

-- Writes one object a line into the file.
function loads.write(file, rows)
    local f = open(file, "w")
    for _, row in ipairs(rows) do f:write(encode(row), "\n") end
    f:close()
end

return loads
