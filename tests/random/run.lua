-- Random programs as tests: lua5.4 run.lua SEED [COUNT] [--verbose] [--no-shrink] [--all]; or run.lua --each SEED…
--
-- For each seed a random module is loaded and used, and edited and pushed one to three times. A model (mirror.lua) runs beside it and
-- knows by the merge rules (merge.lua) what each push must do. Checked are: a diff changes nothing and says what the push says; state,
-- identities and behaviour after each push, each revert and in use; a push, its revert and the same push again; the same push
-- once more and the push of what runs are no_change. A failure prints the seed, the two sources and the difference, after
-- the program was made smaller. Exit status 1 if there was one.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local mirror = dofile(here .. "/mirror.lua")
local merge = dofile(here .. "/merge.lua")
local compare = dofile(here .. "/compare.lua")
local generate = dofile(here .. "/generate.lua")
local edit = dofile(here .. "/edit.lua")
local shrink = dofile(here .. "/shrink.lua")
local new_rng = dofile(here .. "/rng.lua")
local snapshot = dofile(here .. "/../cases/snapshot.lua")
local show = dofile(here .. "/../cases/show.lua")
local hotpatch = require "hotpatch"
local model = mirror.model
merge.use(mirror)

local options, numbers = {}, {}
for _, word in ipairs(arg) do
    local name = word:match("^%-%-(.+)$")
    if name then options[name] = true else numbers[#numbers + 1] = tonumber(word) end
end
local seeds = numbers
if not options.each then
    seeds = {}
    for i = 1, numbers[2] or 1 do seeds[i] = (numbers[1] or 1) + i - 1 end
end
local MODULE -- another for each program
local programs = 0
local path -- of the modules: a folder that no other run has
do
    local maker = assert(io.popen("mktemp -d -t hotpatch-random.XXXXXX"))
    path = assert(maker:read("l"), "mktemp made no folder")
    maker:close()
end
package.path = path .. "/?.lua"

local function write_file(text)
    local file = assert(io.open(path .. "/" .. MODULE .. ".lua", "wb"))
    file:write(text)
    file:close()
end

-- ---- a scenario: everything about one seed, as data ----------------------------------------------------------------------------

-- { seed, models = { m1, m2 … }, steps = { { prune, three_way, edits } … } (one for each model but the first), uses, touches }
local function loads(m) return (pcall(mirror.load, m, function() return 1 end)) end

local function make_scenario(seed)
    local g = generate.new(seed)
    local scenario = { seed = seed, models = {}, steps = {}, uses = 12, touches = g.rng:chance(60) and 3 or 0 }
    repeat
        scenario.models[1] = g:module()
    until loads(scenario.models[1])
    for i = 1, g.rng:int(1, 3) do
        local m, names
        repeat
            m, names = edit(g, scenario.models[i])
        until loads(m)
        scenario.models[i + 1] = m
        scenario.steps[i] = { prune = g.rng:chance(10), three_way = g.rng:chance(15), edits = names }
    end
    return scenario
end

-- ---- the program and its mirror ---------------------------------------------------------------------------------------------------

local Failure = {}
local function fail(fmt, ...)
    error(setmetatable({ text = fmt:format(...) }, Failure), 0)
end

local program = {} -- of the scenario at work

local function got(argument) return #argument * 7 + argument:byte(-1) end

local function start(m, scenario)
    program = { rng = new_rng(scenario.seed + 1000003), known = {}, pool = {}, patches = {}, log = {}, model = m, calls = 0,
                wide = scenario.seed > generate.WIDE }
    for _, what in ipairs { "tables", "cells", "functions" } do program.known[what] = setmetatable({}, { __mode = "k" }) end
    programs = programs + 1
    MODULE = "random_" .. programs
    local registered, asked = {}, {}
    package.loaded.bus = {
        held = {},
        waiting = {},
        on = function(...) registered[#registered + 1] = { ... } end,
        log = function(...) registered[#registered + 1] = { ... } end,
        get = function(argument) asked[#asked + 1] = argument return got(argument) end,
    }
    program.registered = registered
    for name in pairs(_G) do
        if name:match("^G_") then _G[name] = nil end
    end
    package.loaded["random_" .. programs - 1] = nil
    write_file(model.render(m))
    program.image = mirror.load(m, got)
    program.live = require(MODULE)
    program.image.pool = {}
end

local function check(what)
    local image = program.image
    local roots = { { program.live, image.M, "M" }, { program.registered, image.registered, "registered" },
                    { package.loaded.bus.held, image.held, "held" } }
    for name, value in pairs(program.image.globals) do roots[#roots + 1] = { rawget(_G, name), value, name } end
    for i, object in ipairs(program.pool) do roots[#roots + 1] = { object, program.image.pool[i], "object" .. i } end
    table.sort(roots, function(a, b) return a[3] < b[3] end)
    for name, value in pairs(_G) do
        if name:match("^G_") and program.image.globals[name] == nil then fail("%s: a global %s, %s", what, name, tostring(value)) end
    end
    local problem, met = compare(mirror, roots, program.known, program.reverted)
    if problem then fail("%s: %s", what, problem) end
    return met
end

-- ---- using it -----------------------------------------------------------------------------------------------------------------------

local function call_both(live, image, what, ...)
    local live_args, image_args = {}, {}
    for i = 1, select("#", ...) do
        local x = select(i, ...)
        local is_pair = type(x) == "table"
        if is_pair then live_args[i], image_args[i] = x[1], x[2] else live_args[i], image_args[i] = x, x end
    end
    local n = select("#", ...)
    program.log[#program.log + 1] = what
    local ok_live, result = pcall(live, table.unpack(live_args, 1, n))
    local ok_image, expected = pcall(mirror.call, image, table.unpack(image_args, 1, n))
    if ok_live ~= ok_image then
        fail("%s: %s, but the model %s", what, ok_live and "returned " .. tostring(result) or "raised " .. tostring(result),
             ok_image and "returns " .. tostring(expected) or "raises " .. tostring(expected))
    end
    return ok_live, result, expected
end

local function use_function(live, image, where)
    local rng, fn = program.rng, image.fn
    local args = {}
    for i, name in ipairs(fn.params) do
        if name == "x" then args[i] = rng:int(0, 3) end
        if name == "y" and rng:chance(70) then args[i] = rng:int(1, 60) end
        if name == "self" then
            local object = #program.pool > 0 and rng:int(1, #program.pool)
            if not object then return end
            args[i] = { program.pool[object], program.image.pool[object] }
        end
    end
    local what = ("%s(%s)"):format(where, type(args[1]) == "table" and "object, " .. tostring(args[2]) or tostring(args[1]))
    local ok, result, expected = call_both(live, image, what, table.unpack(args, 1, #fn.params))
    if not ok then return end
    if mirror.is_function(expected) then -- a closure of a factory
        -- Held from before the first push alone: what a revert does to closures that the new code made is not in the model yet.
        if rng:chance(40) and #program.patches == 0 then
            table.insert(package.loaded.bus.held, result)
            table.insert(program.image.held.f, expected)
        end
        for _ = 1, 2 do
            local again, r, e = call_both(result, expected, what .. "()", rng:int(0, 2))
            if again and r ~= e then fail("%s(): returned %s, expected %s", what, tostring(r), tostring(e)) end
        end
    elseif mirror.is_table(expected) then
        program.pool[#program.pool + 1] = result
        table.insert(program.image.pool, expected)
    elseif not rawequal(result, expected) then
        fail("%s: returned %s, expected %s", what, tostring(result), tostring(expected))
    end
end

-- Coroutines that hold a function of the module and will call it, after a push maybe: as the body of one that has not started, or
-- on the stack of one that waits.
local function call_later(f) return f(coroutine.yield()) end

local function begin_to_wait(pair)
    if pair[2].fn.params[1] == "self" then return end
    local co
    if program.rng:chance(50) then
        co = coroutine.create(pair[1])
    else
        co = coroutine.create(call_later)
        coroutine.resume(co, pair[1])
    end
    program.log[#program.log + 1] = pair[3] .. " waits"
    table.insert(package.loaded.bus.waiting, co)
    table.insert(program.image.waiting.f, pair[2])
end

local function end_to_wait(what)
    local at = program.rng:int(1, #program.image.waiting.f)
    local co = table.remove(package.loaded.bus.waiting, at)
    local image = table.remove(program.image.waiting.f, at)
    local function go_on(...)
        local ok, result = coroutine.resume(co, ...)
        if not ok then error(result, 0) end
        return result
    end
    use_function(go_on, image, what .. ": waiting " .. at)
end

local function use_coroutines(functions, what)
    if #program.patches == 0 and #functions > 0 then -- as with closures that are held
        for _ = 1, 3 do begin_to_wait(program.rng:pick(functions)) end
    elseif #program.image.waiting.f > 0 and program.rng:chance(60) then
        end_to_wait(what)
    end
end

local function use(times, what)
    local met = check(what)
    local functions = {}
    for _, pair in ipairs(met) do
        if pair[2].F then functions[#functions + 1] = pair end
    end
    for _ = 1, #functions > 0 and times or 0 do
        local pair = program.rng:pick(functions)
        use_function(pair[1], pair[2], what .. ": " .. pair[3])
    end
    if program.wide then use_coroutines(functions, what) end
    check(what .. ", used")
end

-- ---- things that happen at run time ---------------------------------------------------------------------------------------------------

local function both_value(now, met)
    local rng = program.rng
    local kind = rng:weighted { { 5, "number" }, { 2, "nil" }, { 2, "function" }, { 2, "own" }, { 2, "table" } }
    if type(now) == "number" and rng:chance(70) then kind = "number" end
    local number = rng:int(100, 200)
    if kind == "number" then return number, number, tostring(number) end
    if kind == "nil" then return nil, nil, "nil" end
    if kind == "own" then -- one of the module's functions, under a second name
        local pair = rng:pick(met)
        if pair[2].F then return pair[1], pair[2], pair[3] end
        return nil, nil, "nil"
    end
    if kind == "function" then
        local f = function() return number end
        return f, { S = "a function of the server's", call = f }, kind
    end
    return { k = number }, mirror.table({ k = number }), kind
end

local function touch_field(met)
    local tables = {}
    for _, pair in ipairs(met) do
        if pair[2].T and not pair[3]:match("^[rh]e") then tables[#tables + 1] = pair end
    end
    local pair = program.rng:pick(tables)
    local live, image = pair[1], pair[2]
    local keys = { "mine" .. program.rng:int(1, 3) }
    for key in pairs(image.f) do
        if type(key) == "string" and key ~= "__index" then keys[#keys + 1] = key end
    end
    table.sort(keys)
    local key = program.rng:pick(keys)
    local a, b, text = both_value(image.f[key], met)
    rawset(live, key, a)
    image.f[key] = b
    program.log[#program.log + 1] = ("%s.%s = %s"):format(pair[3], key, text)
end

local function touch_cell(met)
    local places = {}
    for _, pair in ipairs(met) do
        if pair[2].F then
            local i = 1
            while true do
                local name, value = debug.getupvalue(pair[1], i)
                if not name then break end
                if name ~= "_ENV" and name ~= "M" then places[#places + 1] = { pair, i, name, value } end
                i = i + 1
            end
        end
    end
    if #places == 0 then return end
    local place = program.rng:pick(places)
    local pair, i, name = place[1], place[2], place[3]
    local a, b, text = both_value(place[4], met)
    for uid, cell in pairs(pair[2].up) do
        if pair[2].names[uid] == name then cell[1] = b end
    end
    debug.setupvalue(pair[1], i, a)
    program.log[#program.log + 1] = ("%s^%s = %s"):format(pair[3], name, text)
end

local function touch(times)
    for _ = 1, times do
        local met = check("before touching")
        if program.rng:chance(50) then touch_field(met) else touch_cell(met) end
    end
end

-- ---- pushing --------------------------------------------------------------------------------------------------------------------------

-- A picture with addresses for objects: the search for old functions must not find them here. (An address that is used again by
-- another object does no harm: contents are compared.)
local function freeze(picture)
    local function id(v)
        local kind = type(v)
        if kind == "table" or kind == "function" or kind == "thread" or kind == "userdata" then return ("object %p"):format(v) end
        return v
    end
    local function copy(t, depth) -- records are trees of a few levels; objects stand in `keys`, `cells`, `values`, `slots`, `meta`
        local new = {}
        for k, v in next, t do
            if depth == 0 or type(v) ~= "table" then v = id(v) else v = copy(v, depth - 1) end
            new[id(k)] = v
        end
        return new
    end
    local frozen = { records = {}, cells = {}, paths = {}, opaque = {} }
    for object, record in next, picture.records do
        local new = {}
        for name, value in next, record do
            if name == "meta" then
                new.meta = id(value)
            elseif name == "keys" or name == "cells" or name == "values" or name == "slots" then
                new[name] = {}
                for k, v in next, value do
                    new[name][id(k)] = type(v) == "table" and copy(v, 0) or v
                end
            else
                new[name] = type(value) == "table" and copy(value, 1) or value
            end
        end
        frozen.records[id(object)] = new
    end
    for cell, value in next, picture.cells do frozen.cells[cell] = copy(value, 0) end
    for object, path in next, picture.paths do frozen.paths[id(object)] = path end
    return frozen
end

local function take()
    local roots = { _G, debug.getmetatable(""), program.live, package.loaded.bus, program.registered }
    for _, object in ipairs(program.pool) do roots[#roots + 1] = object end
    return freeze(snapshot.take(roots, { [hotpatch] = true }))
end

local function must_be_same(before, what)
    local difference = snapshot.same(before, take())
    if difference then fail("%s changed the program: %s", what, difference) end
end

local function outcome(report)
    local out = { report.warnings or {}, report.refusals or {}, {}, {} }
    for i, e in ipairs(report.effects or {}) do out[3][i] = { e.change, e.call, e.args, e.line } end
    for i, m in ipairs(report.modules or {}) do
        for _, f in ipairs(m.functions or {}) do f.old = nil end -- the lines of what is replaced are a diff's alone
        out[4][i] = { m.functions or {}, m.joined or {}, m.absent or {}, m.orphaned or {}, m.fields or {} }
    end
    return show(out)
end

local function codes_of(notes)
    local set = {}
    for _, note in ipairs(notes or {}) do set[note.code] = true end
    return set
end

local function check_status(report, expected, what)
    if report.status ~= expected then
        local detail = report.refusals and report.refusals[1] or report.error or {}
        fail("%s: status %s, expected %s (%s)", what, report.status, expected, tostring(detail.text))
    end
end

local function must_be_no_change(spec, what)
    local here_ = take()
    program.report = hotpatch.patch(spec)
    check_status(program.report, "no_change", what)
    must_be_same(here_, what)
end

local function push(m, step)
    local text = model.render(m)
    local loaded = pcall(mirror.load, m, nil, program.image) -- what lives may make a body fail
    local spec = { module = MODULE, source = text, file = MODULE .. ".lua", prune = step.prune or nil,
                   merge = step.three_way and "three-way" or nil }
    local plan = not loaded and { status = "load_failed", refusals = {}, notes = {} } or merge.plan(program.model, m, program.image,
                            { prune = step.prune, three_way = step.three_way, replay = got })
    local before = take()
    local dry = hotpatch.diff(spec)
    program.report = dry
    must_be_same(before, "diff")
    check_status(dry, plan.status == "applied" and "planned" or plan.status, "diff")
    local report = hotpatch.patch(spec)
    program.report = report
    check_status(report, plan.status, "push")
    if outcome(report) ~= outcome(dry) then fail("diff and push differ:\n%s\n%s", outcome(dry), outcome(report)) end
    if plan.status == "load_failed" then
        must_be_same(before, "a push that did not load")
        return
    end
    for code in pairs(plan.refusals) do
        if not codes_of(report.refusals)[code] then fail("push: refused without %s", code) end
    end
    for code in pairs(plan.notes) do
        if plan.status ~= "refused" and not codes_of(report.warnings)[code] then fail("push: no note %s", code) end
    end
    if plan.status == "refused" then
        must_be_same(before, "a refused push")
        return
    end
    if plan.status == "applied" and #(report.replayed or {}) == 0 then
        program.report = hotpatch.revert()
        check_status(program.report, "reverted", "revert at once")
        local difference = snapshot.alike(before, take())
        if difference then fail("a push and its revert left a difference: %s", difference) end
        program.report = hotpatch.patch(spec)
        check_status(program.report, "applied", "push after the revert")
        if outcome(program.report) ~= outcome(report) then
            fail("the push after the revert reports otherwise:\n%s\n%s", outcome(report), outcome(program.report))
        end
    end
    merge.apply(plan)
    if plan.status == "applied" then -- else the base stays what it was
        program.model = m
        program.patches[#program.patches + 1] = { plan = plan, replayed = #(report.replayed or {}) > 0 }
    end
    check("push")
    must_be_no_change(spec, "the same push again")
end

local function revert()
    local patch = table.remove(program.patches)
    program.report = hotpatch.revert()
    if patch.replayed then return false end
    check_status(program.report, "reverted", "revert")
    merge.revert(patch.plan)
    program.known.functions, program.reverted = setmetatable({}, { __mode = "k" }), true
    return true
end

local function play(scenario)
    start(scenario.models[1], scenario)
    use(scenario.uses, "loaded")
    local identical = { module = MODULE, source = model.render(scenario.models[1]), file = MODULE .. ".lua" }
    must_be_no_change(identical, "push of what runs")
    for i, step in ipairs(scenario.steps) do
        touch(scenario.touches)
        push(scenario.models[i + 1], step)
        use(scenario.uses, "push " .. i)
    end
    for i = #program.patches, 1, -1 do
        if not revert() then break end
        use(scenario.uses, "revert " .. i)
    end
end

-- Plays it; returns nil or what went wrong.
local function try(scenario)
    local ok, problem = xpcall(play, function(e)
        if getmetatable(e) == Failure then return e.text end
        return debug.traceback("the test itself: " .. tostring(e), 2)
    end, scenario)
    for _ = 1, 100 do -- leave nothing to revert to the next seed
        if #program.patches == 0 or hotpatch.revert({ accept = { "R19" } }).status ~= "reverted" then break end
        table.remove(program.patches)
    end
    return not ok and problem or nil
end

-- ---- failures -------------------------------------------------------------------------------------------------------------------------

local function explain(scenario, problem)
    print(("seed %d: %s"):format(scenario.seed, problem))
    for i, m in ipairs(scenario.models) do
        local step = scenario.steps[i - 1]
        print(("---- source %d%s\n%s"):format(i, step and (" (%s%s%s)"):format(table.concat(step.edits, " "), step.prune and " --prune" or "",
                                                             step.three_way and " --merge three-way" or "") or "", model.render(m)))
    end
    local log = program.log
    print("---- last calls and changes: " .. table.concat(log, "; ", math.max(1, #log - 25)))
    print("---- last report: " .. show(program.report))
end

local failures = 0
for _, seed in ipairs(seeds) do
    if options.verbose then print("seed " .. seed) io.stdout:flush() end
    local scenario = make_scenario(seed)
    local problem = try(scenario)
    if problem then
        failures = failures + 1
        if not options["no-shrink"] then
            scenario = shrink(scenario, model, try, problem)
            problem = try(scenario) or problem
        end
        explain(scenario, problem)
        if failures >= (options.all and 1000 or 3) then break end
    end
end
os.execute("rm -rf '" .. path .. "'")
print(("%d seeds from %d, %d failed"):format(#seeds, seeds[1], failures))
os.exit(failures == 0 and 0 or 1, true)
