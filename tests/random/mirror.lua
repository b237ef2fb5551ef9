-- The model, running: what each call of the live program must return and what each of its places must hold.
--
-- A world has the mirror of a module: { M = table, globals = { name = value } }, and of what others hold: registered = what bus.on
-- and bus.log were given, held = closures that the test keeps in a table of its own, waiting = functions that coroutines of
-- the test's will call, pool = objects of classes. Its objects are
--   { T=true, f={ key = value }, meta=table|nil }     a table; made by a body also keys, in the order of the source
--   { F=true, fn=, up={ uid = cell }, names= }        a closure; a cell is { value }
--   { S=name, call=function }                         something foreign: a standard function, one that the test put there
--   { P=argument }                                    in a staged world: the result of bus.get, not called
--   { T=true, view=table, f= }                        in a staged world: what it sees of a live table, f being what it wrote
-- and plain values. Operations are Lua's own, so what raises in the program raises here, after the same effects.

local model = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/model.lua")
local mirror = { model = model }

local std = {
    ["math.floor"] = math.floor, ["math.ceil"] = math.ceil, ["math.abs"] = math.abs, tostring = tostring, tonumber = tonumber,
    ["string.len"] = string.len,
}
local foreign = {}
for name, f in pairs(std) do foreign[name] = { S = name, call = f } end
mirror.foreign = foreign

function mirror.is_table(v) return type(v) == "table" and v.T == true end
function mirror.is_function(v) return type(v) == "table" and v.F == true end
function mirror.is_object(v) return type(v) == "table" end

function mirror.table(fields, meta) return { T = true, f = fields or {}, meta = meta } end

local function get(t, key)
    for _ = 1, 10 do
        if type(t) == "string" then return string[key] end
        if not mirror.is_table(t) then error("index of " .. type(t), 0) end
        if t.f[key] ~= nil then return t.f[key] end
        if t.view and t.view.f[key] ~= nil then return t.view.f[key] end
        if t.meta == nil then return nil end
        t = t.meta.f.__index
        if t == nil then return nil end
    end
end

local function set(t, key, value)
    if not mirror.is_table(t) then error("index of " .. type(t), 0) end
    if t.keys and t.f[key] == nil then table.insert(t.keys, key) end
    t.f[key] = value
end

local function length(v)
    if type(v) == "string" then return #v end
    if not mirror.is_table(v) then error("length of " .. type(v), 0) end
    return #v.f
end

local call

local function evaluate(frame, e)
    local k = e.e
    if k == "k" then return e.x end
    if k == "x" then return frame.x end
    if k == "y" then return frame.y or e.x end
    if k == "var" then return frame[e.uid][1] end
    if k == "field" then return get(frame[e.uid][1], e.key) end
    if k == "self" then return get(frame.self, e.key) end
    if k == "len" then return length(frame[e.uid][1]) end
    if k == "bool" then return frame[e.uid][1] and e.x or 0 end
    if k == "std" then return (call(frame[e.uid][1], evaluate(frame, e.of))) end
    error("expression " .. tostring(k))
end

-- What Lua's + does, with objects that are tables here.
local function add(a, b)
    if mirror.is_object(a) or mirror.is_object(b) then error("arithmetic on an object", 0) end
    return a + b
end

local function closure(frame, fn, names)
    local f = { F = true, fn = fn, up = {}, names = names }
    for uid in pairs(model.captures(fn)) do f.up[uid] = frame[uid] end
    return f
end

local function execute(frame, s, names)
    local k = s.s
    local cell = s.uid and frame[s.uid]
    if k == "add" then
        frame.r = add(frame.r, evaluate(frame, s.of))
    elseif k == "local" then
        frame[s.uid] = { evaluate(frame, s.of) }
    elseif k == "bump" then
        cell[1] = add(cell[1], s.x) % 9973
    elseif k == "bumpf" then
        local t = frame.self
        if s.uid then t = cell[1] end
        set(t, s.key, add(get(t, s.key), s.x) % 9973)
    elseif k == "put" then
        set(cell[1], length(cell[1]) + 1, frame.x)
    elseif k == "flip" then
        cell[1] = not cell[1]
    elseif k == "cat" then
        if mirror.is_object(cell[1]) then error("concat of an object", 0) end
        cell[1] = (cell[1] .. s.x):sub(-9)
    elseif k == "set" then
        cell[1] = frame.y
    elseif k == "maybe" then
        if cell[1] then frame.r = add(frame.r, (call(cell[1], frame.x))) end
    elseif k == "call" then
        if frame.x > 0 then
            local c, f = s.callee, frame[s.callee.uid][1]
            local r
            if c.key and c.method then
                r = call(get(f, c.key), f, frame.x - 1)
            else
                if c.key then f = get(f, c.key) end
                r = call(f, frame.x - 1)
            end
            frame.r = add(frame.r, r)
        end
    elseif k == "inner" then
        frame[s.uid] = {}
        frame[s.uid][1] = closure(frame, s.fn, names)
    else
        error("statement " .. tostring(k))
    end
end

-- Calls an object of the mirror; returns one value.
function call(f, ...)
    if type(f) ~= "table" then error("call of " .. type(f), 0) end
    if f.call then
        local a = ...
        if mirror.is_object(a) then error("foreign call with an object", 0) end
        return (f.call(...))
    end
    if not f.F then error("call of a table", 0) end
    local fn = f.fn
    local frame = setmetatable({ r = 0 }, { __index = f.up })
    for i, name in ipairs(fn.params) do
        frame[name] = (select(i, ...))
    end
    for _, s in ipairs(fn.body) do execute(frame, s, f.names) end
    if not fn.ret then return frame.r % 100003 end
    if fn.ret.closure then return closure(frame, fn.ret.closure, f.names) end
    local object = mirror.table({}, frame[fn.ret.object][1])
    for _, field in ipairs(fn.ret.fields) do object.f[field[1]] = evaluate(frame, field[2]) end
    if object.meta ~= nil and not mirror.is_table(object.meta) then error("no metatable", 0) end
    return object
end
mirror.call = call

-- ---- the body of a module -----------------------------------------------------------------------------------------------

local function make_value(world, value)
    local k = value.v
    if k == "plain" then return value.x end
    if k == "ref" then return world.cells[value.uid][1] end
    if k == "std" then return foreign[value.name] end
    if k == "make" then return call(world.cells[value.uid][1], value.arg) end
    if k == "get" then return world.staged and { P = value.arg } or world.bus(value.arg) end
    if k == "fn" then return closure(world.cells, value.fn, world.names) end
    local t = mirror.table()
    t.keys = {}
    for _, f in ipairs(value.fields) do set(t, f[1], make_value(world, f[2])) end
    return t
end

local function run_item(world, item)
    local k, cells = item.k, world.cells
    if k == "local" then
        cells[item.uid] = { item.value and make_value(world, item.value) }
    elseif k == "forward" then
        cells[item.uid] = {}
    elseif k == "helper" or k == "define" then
        cells[item.uid] = cells[item.uid] or {}
        cells[item.uid][1] = closure(cells, item.fn, world.names)
    elseif k == "field" then
        local on = world.globals[item.on]
        if type(item.on) == "number" then on = cells[item.on][1] end
        set(on, item.key, make_value(world, item.value))
    elseif k == "meta" then
        local on = cells[item.on][1]
        if not mirror.is_table(on) then error("setmetatable", 0) end
        on.meta = make_value(world, item.value)
    elseif k == "global" then
        world.globals[item.name] = world.globals[item.name] or make_value(world, item.value)
    elseif k == "effect" then
        local fn = item.fn_arg and closure(cells, item.fn_arg, world.names)
        local fields = table.move(item.args, 1, #item.args, 1, {})
        fields[#fields + 1] = fn
        table.insert(world.registered.f, mirror.table(fields))
        table.insert(world.effects, { call = item.call, args = item.args, fn = fn })
    end
end

-- Runs the body. `bus`: function(argument) for a live world. With `live`, a world, it is staged: calls are placeholders,
-- and globals that live are seen through views.
function mirror.load(m, bus, live)
    local world = { M = mirror.table(), globals = {}, effects = {}, names = m.names, bus = bus, staged = live ~= nil }
    for name, value in pairs(live and live.globals or {}) do
        for _, item in ipairs(m.items) do
            if item.k == "global" and item.name == name then
                world.globals[name] = mirror.is_table(value) and { T = true, f = {}, view = value } or value
            end
        end
    end
    world.registered, world.held, world.waiting = mirror.table(), mirror.table(), mirror.table()
    world.M.keys = {}
    world.cells = { [1] = { world.M } }
    for _, item in ipairs(m.items) do run_item(world, item) end
    return world
end

-- Keys in one order in every run (that of pairs is not): strings and numbers, as text.
function mirror.sorted(t)
    local keys = {}
    for k in pairs(t) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    return keys
end

-- Every object that can be reached from the roots: found(object).
function mirror.walk(roots, found)
    local seen, queue = {}, {}
    local function reach(v)
        if mirror.is_object(v) and not seen[v] then
            seen[v] = true
            queue[#queue + 1] = v
        end
    end
    for _, root in ipairs(roots) do reach(root) end
    local i = 1
    while queue[i] do
        local v = queue[i]
        found(v)
        if v.T then
            for _, key in ipairs(mirror.sorted(v.f)) do reach(v.f[key]) end
            reach(v.meta)
        elseif v.F then
            for _, uid in ipairs(mirror.sorted(v.up)) do reach(v.up[uid][1]) end
        end
        i = i + 1
    end
end

return mirror
