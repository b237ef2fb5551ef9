-- Scenarios for test_sliced.c: a program that goes on changing everything between the slices of a push; afterwards no function of
-- an old version may be reachable. Called with a scenario's name and a seed.
local scenario, seed = ...
local engine = engine
local SOURCE = [[
local M = {}
local count = 0
local function helper(x) count = count + 1 return "v1:" .. x end
function M.f(x) return helper(x or "f") end
function M.g() return "v1:g", count end
function M.count() return count end
function M.make(n)
    local own = n
    local function add(x) own = own + x return own, "v1:" end
    return { add = add, get = function() return "v1:get", own end, set = function(x) own = x end }
end
function M.loop(out)
    while true do
        out[1] = helper("loop")
        coroutine.yield()
    end
end
function M.iterate(list, i)
    i = (i or 0) + 1
    if i <= 3 then return i, "v1:" end
end
bus.on("login", function(e) return "v1:login" .. e .. count end)
bus.on("logout", function(e) return "v1:logout" .. e .. count end)
return M
]]

local function version(n) return (SOURCE:gsub("v1:", "v" .. n .. ":")) end

math.randomseed(seed)
local random = math.random

local world -- list of places, each a table { put =, take =, clear = }: everything that can hold something

-- ---- everything that is reachable --------------------------------------------------------------------------------------

local function is_object(v)
    local kind = type(v)
    return kind == "table" or kind == "function" or kind == "userdata" or kind == "thread"
end

-- Walks everything; `look(f, path)` is called for each Lua function of the module that a place holds.
local function walk(look)
    local seen, queue, paths = {}, {}, {}
    local path = "registry"
    local function reach(v, step)
        if type(v) == "function" and debug.getinfo(v, "S").source == "@m.lua" then look(v, path .. step) end
        if is_object(v) and not seen[v] then
            seen[v] = true
            queue[#queue + 1] = v
            paths[v] = path .. step
        end
    end
    seen[seen], seen[queue], seen[paths], seen[walk], seen[reach] = true, true, true, true, true
    reach(debug.getregistry(), "")
    reach(world, "world")
    for _, v in pairs { "", 1, true, print } do reach(debug.getmetatable(v), "basic") end
    while #queue > 0 do
        local v = table.remove(queue)
        path = paths[v]
        if type(v) == "table" then
            for key, value in next, v do
                local own = v == debug.getregistry() and type(key) == "userdata" -- the agent's tables: the history, with weak keys
                if not own then
                    reach(key, "<key>")
                    reach(value, "." .. (is_object(key) and "[]" or tostring(key)))
                end
            end
            reach(debug.getmetatable(v), "@mt")
        elseif type(v) == "function" then
            for i = 1, 255 do
                local name, value = debug.getupvalue(v, i)
                if not name then break end
                reach(value, "^" .. name)
            end
        elseif type(v) == "userdata" then
            reach(debug.getmetatable(v), "@mt")
            for i = 1, 10 do
                local value, present = debug.getuservalue(v, i)
                if not present then break end
                reach(value, "<user value>")
            end
        elseif v ~= coroutine.running() then
            for level = 0, 1000 do
                if not debug.getinfo(v, level, "l") then break end
                for _, step in ipairs { 1, -1 } do
                    local i = step
                    while true do
                        local name, value = debug.getlocal(v, level, i)
                        if not name then break end
                        if name ~= "(for state)" then reach(value, "<local " .. name .. ">") end
                        i = i + step
                    end
                end
            end
            for _, value in ipairs { engine.body(v) } do reach(value, "<body>") end
        end
    end
end

local function version_of(f)
    return tonumber(string.dump(f):match("v(%d+):"))
end

local function must_be(wanted)
    walk(function(f, path)
        local v = version_of(f)
        if v and v ~= wanted then
            error(("%s is v%d, not v%d (line %d)"):format(path, v, wanted, debug.getinfo(f, "S").linedefined), 0)
        end
    end)
end

-- ---- the program ----------------------------------------------------------------------------------------------------------

local function load_module()
    bus = { handlers = {} }
    function bus.on(event, f) table.insert(bus.handlers, { event = event, f = f }) end
    local m = assert(load(SOURCE, "@m.lua"))("m")
    package.loaded.m = m
    return m
end

local function table_place()
    local t, n = {}, 0
    return {
        object = t,
        put = function(v)
            n = n + 1
            local way = random(4)
            if way == 1 then t[#t + 1] = v
            elseif way == 2 then t["k" .. n] = v
            elseif way == 3 then t[v] = n
            else t[n * 7] = { v } end
        end,
        take = function()
            local stop = random(8)
            for key, value in pairs(t) do
                stop = stop - 1
                if stop == 0 then
                    t[key] = nil
                    return type(key) == "function" and key or type(value) == "table" and value[1] or value
                end
            end
        end,
        clear = function() for key in pairs(t) do t[key] = nil end end,
    }
end

local function cell_place()
    local held
    local function holder() return held end
    return { object = holder, put = function(v) held = v end, take = function() local v = held held = nil return v end }
end

local function c_place()
    local box = engine.box(3)
    return {
        object = box,
        put = function(v) debug.setuservalue(box, v, random(3)) end,
        take = function()
            local i = random(3)
            local v = debug.getuservalue(box, i)
            debug.setuservalue(box, nil, i)
            return v
        end,
    }
end

local function coroutine_place()
    local co = coroutine.create(function(a, ...)
        local b = a
        while true do
            local given = coroutine.yield((select(random(2), b, ...)))
            if given then b = given end
        end
    end)
    return {
        object = co,
        put = function(v) coroutine.resume(co, v, v) end,
        take = function() return select(2, coroutine.resume(co)) end,
    }
end

local function metatable_place()
    local object = setmetatable({}, {})
    return {
        object = object,
        put = function(v) getmetatable(object).__index = v end,
        take = function() local v = getmetatable(object).__index getmetatable(object).__index = nil return v end,
    }
end

local function unstarted_place()
    local list = {}
    return {
        object = list,
        put = function(v)
            if type(v) == "function" then list[#list + 1] = random(2) == 1 and coroutine.wrap(v) or coroutine.create(v) end
        end,
        take = function() return nil end,
        clear = function() for i = #list, 1, -1 do list[i] = nil end end,
    }
end

local function wrapped_place()
    local list = {}
    return {
        object = list,
        put = function(v) if type(v) == "function" then list[#list + 1] = engine.wrap(v) end end,
        take = function() return nil end,
        clear = function() for i = #list, 1, -1 do list[i] = nil end end,
    }
end

local makers = { table_place, table_place, table_place, cell_place, c_place, coroutine_place, metatable_place, unstarted_place,
                 wrapped_place }

local function make_world(count)
    world = {}
    for i = 1, count do world[i] = makers[random(#makers)]() end
end

local function some_function(m)
    local names = { "f", "g", "count", "loop", "iterate", "make" }
    return m[names[random(#names)]]
end

-- Memory that comes and goes, so that addresses are used again.
local function churn()
    for _ = 1, random(200) do world.garbage = { { random(9) } } end
end

local function grow(place)
    for _ = 1, random(40) do place.put({ random(9) }) end
end

-- One turn of the server. `options.move`: functions go from one place to another. `options.born`: factories are called.
local function turn(m, options)
    local way = random(12)
    local place = world[random(#world)]
    if way == 1 then
        grow(place)
    elseif way == 2 and place.clear and options.move then
        place.clear()
    elseif way == 3 then
        churn()
    elseif way == 4 then
        world[random(#world)] = options.move and makers[random(#makers)]() or place
    elseif way == 5 then
        collectgarbage(random(4) == 1 and "collect" or "step")
    elseif way == 6 then
        if random(5) == 1 then collectgarbage(random(2) == 1 and "generational" or "incremental") end
    elseif way <= 9 and options.move then
        local v = place.take()
        if v ~= nil then world[random(#world)].put(v) end
    elseif way == 10 and options.born then
        place.put(m.make(seed))
    elseif way == 11 then
        place.put(some_function(m))
    else
        m.f()
    end
end

local function instance(m, list)
    local o = m.make(#list + 1)
    list[#list + 1] = o
    return o
end

local function push(m, n, options)
    local turns = 0
    local spec = { module = "m", source = version(n), file = "m.lua", base = version(n - 1), max_pause_ms = 0.001, accept = { "R20" } }
    engine.begin("push", spec)
    while true do
        local report = engine.step()
        if report then return report, turns end
        local now = { move = options.move, born = options.born }
        if engine.phase() == "sweep" then now = {} end -- a thing that is always moved may escape for ever
        for _ = 1, random(4) do turn(m, now) end
        turns = turns + 1
    end
end

local function check_state(m, list)
    for i, o in ipairs(list) do
        local word, own = o.get()
        assert(own == i and o.add(1) == i + 1 and o.add(-1) == i, "an instance lost its own state")
    end
end

-- ---- scenarios ------------------------------------------------------------------------------------------------------------

local scenarios = {}

local function scenario_of(options)
    local m = load_module()
    make_world(30 + random(60))
    local list = {}
    world.list = list
    for _ = 1, 100 + random(300) do turn(m, { move = true, born = true }) end
    for _ = 1, 20 do instance(m, list) end
    for n = 2, 4 do
        local report, turns = push(m, n, options)
        if report.status ~= "applied" then
            error(("push of v%d: %s: %s"):format(n, report.status, report.error and report.error.text or report.refusals and
                  report.refusals[1] and report.refusals[1].text or "?"), 0)
        end
        assert(turns > 10, "in slices")
        assert(report.references.table > 0, "references are counted")
        collectgarbage()
        must_be(n)
        check_state(m, list)
    end
    for n = 3, 1, -1 do
        engine.begin("revert", 0, 0.001)
        local report
        repeat
            local now = engine.phase() == "sweep" and {} or { move = options.move }
            for _ = 1, random(4) do turn(m, now) end
            report = engine.step()
        until report
        assert(report.status == "reverted", report.status)
        must_be(n)
        check_state(m, list)
    end
end

function scenarios.holders_move() scenario_of { move = true } end

function scenarios.instances_are_born() scenario_of { move = true, born = true } end

-- A search that is given up leaves nothing in the registry, and nothing it knew alive.
function scenarios.abandoned()
    local m = load_module()
    make_world(40)
    for _ = 1, 200 do turn(m, { move = true, born = true }) end
    local before, weak = {}, setmetatable({}, { __mode = "k" })
    for key in pairs(debug.getregistry()) do before[key] = true end
    engine.begin("push", { module = "m", source = version(2), file = "m.lua", base = version(1), max_pause_ms = 0.001, accept = { "R20" } })
    local steps = random(60)
    for _ = 1, steps do
        if engine.step() then error("done already") end
        if engine.phase() == "sweep" then break end
        turn(m, {})
    end
    local committed = engine.phase() == "sweep"
    for _, place in ipairs(world) do weak[place.object] = true end
    local report = engine.abandon()
    assert(report.status == (committed and "applied" or "timeout"), report.status)
    for key, value in pairs(debug.getregistry()) do
        assert(before[key] or type(key) == "number" or key == "hotpatch.execution", "left in the registry: " .. tostring(key))
    end
    world = nil
    collectgarbage()
    collectgarbage()
    assert(next(weak) == nil, "kept alive: " .. tostring(next(weak)))
    make_world(10)
    report = push(m, 2, {})
    assert(report.status == (committed and "no_change" or "applied"), report.status)
end

-- A table that is never the same twice.
function scenarios.one_table_that_changes()
    local m = load_module()
    local t = {}
    for i = 1, 3000 do t["k" .. i] = i % 10 == 0 and m.f or {} end
    bus.t = t
    make_world(3)
    engine.begin("push", { module = "m", source = version(2), file = "m.lua", base = version(1), max_pause_ms = 0.001, accept = { "R20" } })
    local n, slices, report = 3000, 0, nil
    repeat
        report = engine.step()
        slices = slices + 1
        if random(2) == 1 and n < 6000 then
            for i = n + 1, n + 600 do t["k" .. i] = i % 100 == 0 and engine.phase() ~= "sweep" and m.f or {} end
            n = n + 600
        else
            for i = n - 500, n do t["k" .. i] = nil end
            n = n - 501
            if n < 1000 then n = 3000 end
            collectgarbage()
        end
    until report
    assert(report.status == "applied", report.status)
    assert(slices > 30, "in slices: " .. slices)
    must_be(2)
end

-- What the patch adds has the code, lines included, of what it replaces: the sweep must not take it for an old one.
function scenarios.twins()
    local old = "local M = {}\nfunction M.f() return 1 end\nreturn M\n"
    local new = "local M = {}\nfunction M.g() return 1 end function M.f() return 2 end\nreturn M\n"
    local m = assert(load(old, "@twins.lua"))()
    package.loaded.twins = m
    local function run(...)
        engine.begin(...)
        local report
        repeat report = engine.step() until report
        return report.status
    end
    assert(run("push", { module = "twins", source = new, base = old, max_pause_ms = 0.001, accept = { "R20" } }) == "applied")
    assert(m.f() == 2 and m.g() == 1, ("f %s, g %s"):format(m.f(), m.g()))
    assert(run("revert", 0, 0.001) == "reverted")
    assert(m.f() == 1 and m.g == nil, "all of it is undone")
end

-- The server puts a function of its own where the plan meant to write, just before the commit: what is planned anew for that is
-- planned beside the server again, and not in the commit's stop. A server that never rests gets a plan all the same.
function scenarios.ground_moves()
    local old = "local M = {}\nfunction M.f() return 'old f' end\nfunction M.g() return 'old g' end\nreturn M\n"
    for _, times in ipairs { 1, 2, 1000 } do
        local m = assert(load(old, "@ground.lua"))()
        package.loaded.ground = m
        local moved, beside, was, report = 0, 0, nil, nil
        engine.begin("push", { module = "ground", source = old:gsub("old", "new"), base = old, max_pause_ms = 0.001,
            accept = { "R20", "R16" } })
        repeat
            report = engine.step()
            local phase = not report and engine.phase()
            if phase == "commit" and moved < times then
                moved = moved + 1
                local n = moved
                m.f = function() return "server's " .. n end
            end
            if was == "commit" and phase == "plan" then beside = beside + 1 end
            was = phase
        until report
        assert(report.status == "applied", report.error and report.error.text or report.status)
        assert(m.g() == "new g" and m.f() == "new f", m.f())
        assert(report.warnings[1].code == "R12" or report.warnings[2].code == "R12", "what it did is known")
        assert(beside == math.min(times, 2), ("planned anew beside the server %d times"):format(beside))
        package.loaded.ground = nil
        m.f, m.g = nil, nil
    end
end

function scenarios.load_simple()
    simple = assert(load("local M = {} function M.f() return 'old' end return M", "@simple.lua"))()
    package.loaded.simple = simple
end

scenarios[scenario]()
