-- Random programs, edited at random, pushed and reverted, against a model: lua5.4 random.lua SEED [COUNT] [plain|none]
--
-- A program is a module of variables (top-level locals, some in `do` blocks under one name) and functions (public ones, local
-- helpers, handlers in a table, methods behind a metatable, factories). Every function adds its own step to the variables it
-- captures and returns its tag, their values and what the functions it calls return; so the model can say, for any sequence of
-- calls, what must come back. After a push: the tags and steps of the new source on the values of the old program; variables
-- that are new have their first value. After a revert: the older code on today's values. Each variable has a reader that
-- never changes, so that by the rules of the design there is always a live function that shares it. In between the server
-- removes handlers, which must stay removed, and adds some of its own.
-- `none`: the file is gone and hotpatch is loaded last, so the merge goes by names; names are then unique.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local snapshot = dofile(here .. "/snapshot.lua")
local show = dofile(here .. "/show.lua")
local seed, count, base = tonumber(arg[1] or 1), tonumber(arg[2] or 30), arg[3] or "plain"
local hotpatch = base ~= "none" and require "hotpatch" or nil

local random = math.random
math.randomseed(seed)
local function chance(p) return random() < p end
local function pick(list) return list[random(#list)] end
local function shuffle(list)
    for i = #list, 2, -1 do
        local j = random(i)
        list[i], list[j] = list[j], list[i]
    end
    return list
end

-- ---- programs as data ------------------------------------------------------------------------------------------------

-- program = { variables = { { key, name, first, block } … }, functions = { { name, kind, tag, uses = { key … }, step, calls = {
-- function … } } … } }; a block is a number: variables and functions of one block stand together in a `do … end`.
local serial = 0
local function fresh(prefix)
    serial = serial + 1
    return prefix .. serial
end

local function new_variable(program)
    local v = { key = fresh "k", first = random(100), block = base == "none" and 0 or random(0, 2) }
    v.name = v.key
    if v.block > 0 and chance(0.5) then -- a name that the other block has too
        v.name = "same"
        for _, w in ipairs(program.variables) do
            if w.name == v.name and w.block == v.block then v.name = v.key end
        end
    end
    program.variables[#program.variables + 1] = v
    return v
end

local kinds = { "public", "public", "helper", "helper", "handler", "method", "factory" }

local function visible(program, f)
    local list = {}
    for _, v in ipairs(program.variables) do
        if v.block == 0 or v.block == f.block then list[#list + 1] = v end
    end
    return list
end

local function choose_uses(program, f)
    f.uses = {}
    local names = {}
    for _, v in ipairs(shuffle(visible(program, f))) do
        if #f.uses < 3 and chance(0.5) and not names[v.name] then
            names[v.name] = true
            f.uses[#f.uses + 1] = v
        end
    end
end

local function new_function(program)
    local f = { name = fresh "f", kind = pick(kinds), tag = fresh "t", step = random(9), block = base == "none" and 0 or random(0, 2),
                calls = {} }
    choose_uses(program, f)
    program.functions[#program.functions + 1] = f
    return f
end

-- A function may call helpers that stand before it: of its own block, or outside of blocks.
local function choose_calls(program)
    local seen = {}
    for _, f in ipairs(program.functions) do
        if f.wants_calls then
            f.calls = {}
            for _, g in ipairs(seen) do
                if g.kind == "helper" and (g.block == 0 or g.block == f.block) and chance(0.4) then f.calls[#f.calls + 1] = g end
            end
            f.wants_calls = nil
        end
        seen[#seen + 1] = f
    end
end

-- Blocks in their order, so that "before" is the same in the text as in the list.
local function sort_blocks(program)
    local sorted = {}
    for block = 0, 2 do
        for _, f in ipairs(program.functions) do
            if f.block == block then sorted[#sorted + 1] = f end
        end
    end
    program.functions = sorted
    local place = {}
    for i, f in ipairs(sorted) do place[f] = i end
    for i, f in ipairs(sorted) do
        for j = #f.calls, 1, -1 do -- a call of what comes later now, or is gone
            local at = place[f.calls[j]]
            if at == nil or at >= i then table.remove(f.calls, j) end
        end
    end
end

local function generate()
    local program = { variables = {}, functions = {} }
    for _ = 1, random(2, 6) do new_variable(program) end
    for _ = 1, random(3, 9) do new_function(program).wants_calls = true end
    sort_blocks(program)
    choose_calls(program)
    return program
end

local function copy(program)
    local out, twin = { variables = {}, functions = {} }, {}
    for i, v in ipairs(program.variables) do out.variables[i] = v end -- variables are never edited
    for i, f in ipairs(program.functions) do
        local g = {}
        for k, x in pairs(f) do g[k] = x end
        g.uses = table.move(f.uses, 1, #f.uses, 1, {})
        out.functions[i], twin[f] = g, g
    end
    for i, f in ipairs(program.functions) do
        local g = out.functions[i]
        g.calls = {}
        for j, c in ipairs(f.calls) do g.calls[j] = twin[c] end
    end
    return out
end

local function edit(program)
    program = copy(program)
    local fs = program.functions
    for _ = 1, random(1, 4) do
        local what = random(9)
        if what == 1 then pick(fs).tag = fresh "t"
        elseif what == 2 then pick(fs).step = random(10, 19)
        elseif what == 3 then new_variable(program)
        elseif what == 4 then new_function(program).wants_calls = true
        elseif what == 5 then shuffle(fs)
        elseif what == 6 then choose_uses(program, pick(fs))
        elseif what == 7 then pick(fs).wants_calls = true
        elseif what == 8 then
            for _, f in ipairs(fs) do
                if f.kind == "helper" then f.name = fresh "f" break end -- renamed
            end
        elseif what == 9 and #fs > 2 then
            table.remove(fs, random(#fs))
        end
    end
    sort_blocks(program)
    choose_calls(program)
    sort_blocks(program)
    return program
end

-- ---- as text ---------------------------------------------------------------------------------------------------------

local function body(f, indent)
    local out = {}
    for _, v in ipairs(f.uses) do out[#out + 1] = ("%s = %s + %d"):format(v.name, v.name, f.step) end
    local parts = { ("%q"):format(f.tag) }
    for _, v in ipairs(f.uses) do parts[#parts + 1] = v.name end
    for _, g in ipairs(f.calls) do parts[#parts + 1] = g.name .. "()" end
    out[#out + 1] = "return " .. table.concat(parts, ' .. "," .. ')
    return indent .. table.concat(out, "\n" .. indent)
end

local openings = {
    public = "function M.%s()", helper = "local function %s()", handler = "function M.handlers.%s()", method = "function Class:%s()",
    factory = "function M.%s()",
}

local function text(program)
    local out = { "local M = { handlers = {} }", "local Class = {}", "Class.__index = Class", "M.object = setmetatable({}, Class)" }
    for block = 0, 2 do
        if block > 0 then out[#out + 1] = "do" end
        for _, v in ipairs(program.variables) do
            if v.block == block then
                out[#out + 1] = ("local %s = %d"):format(v.name, v.first)
                out[#out + 1] = ("function M.read_%s() return %s end"):format(v.key, v.name)
            end
        end
        for _, f in ipairs(program.functions) do
            if f.block == block then
                out[#out + 1] = openings[f.kind]:format(f.name)
                if f.kind == "factory" then out[#out + 1] = "    return function()" end
                out[#out + 1] = body(f, f.kind == "factory" and "        " or "    ")
                if f.kind == "factory" then out[#out + 1] = "    end" end
                out[#out + 1] = "end"
            end
        end
        if block > 0 then out[#out + 1] = "end" end
    end
    out[#out + 1] = "return M\n"
    return table.concat(out, "\n")
end

-- ---- the model -------------------------------------------------------------------------------------------------------

local function expected(f, values)
    for _, v in ipairs(f.uses) do values[v.key] = values[v.key] + f.step end
    local parts = { f.tag }
    for _, v in ipairs(f.uses) do parts[#parts + 1] = values[v.key] end
    local before = table.concat(parts, ",")
    for _, g in ipairs(f.calls) do before = before .. "," .. expected(g, values) end
    return before
end

local callers = {
    public = function(m, f) return m[f.name]() end,
    handler = function(m, f) return m.handlers[f.name]() end,
    method = function(m, f) return m.object[f.name](m.object) end,
    factory = function(m, f) return m[f.name]()() end,
}

local reachable
local story -- what a failure prints

local function fail(fmt, ...)
    io.stderr:write(("seed %d: "):format(seed), fmt:format(...), "\n")
    for _, line in ipairs(story) do io.stderr:write(line, "\n") end
    os.exit(1)
end

local function check(m, program, values, removed, when)
    for _, v in ipairs(program.variables) do
        local got = m["read_" .. v.key]()
        if got ~= values[v.key] then fail("%s: variable %s (%s) is %s, expected %s", when, v.key, v.name, got, values[v.key]) end
    end
    for _ = 1, 12 do
        local f = pick(program.functions)
        if f.kind == "handler" and removed[f.name] then
            if m.handlers[f.name] ~= nil then fail("%s: handler %s was removed and is back", when, f.name) end
        elseif callers[f.kind] then
            -- values are read before the calls of helpers are made, in the text as in the model: `..` is right associative, but
            -- its operands are evaluated from left to right
            local ok, got = pcall(callers[f.kind], m, f)
            local want = expected(f, values)
            if not ok or got ~= want then fail("%s: %s %s gave %s, expected %s", when, f.kind, f.name, tostring(got), want) end
        end
    end
end

-- Names of the functions that something live holds: a helper that nobody calls has no closure, a removed handler neither.
function reachable(program, removed)
    local names = {}
    local function visit(f)
        names[f.name] = true
        for _, g in ipairs(f.calls) do visit(g) end
    end
    for _, f in ipairs(program.functions) do
        if f.kind ~= "helper" and not (f.kind == "handler" and removed[f.name]) then visit(f) end
    end
    return names
end

-- ---- one story --------------------------------------------------------------------------------------------------------

local dir = io.popen("mktemp -d"):read()
package.path = dir .. "/?.lua"

local function write(name, source)
    local file = assert(io.open(dir .. "/" .. name .. ".lua", "w"))
    file:write(source)
    file:close()
end

local function begin_values(values, program)
    for _, v in ipairs(program.variables) do
        if values[v.key] == nil then values[v.key] = v.first end
    end
end
-- What a server does to its tables in the meantime: it drops handlers of the source, and adds some of its own.
local function meddle(m, program, removed)
    for _, f in ipairs(program.functions) do
        if f.kind == "handler" and not removed[f.name] and chance(0.2) then
            m.handlers[f.name] = nil
            removed[f.name] = true
            table.insert(story, "-- the server removes handler " .. f.name)
        end
    end
    local own = fresh "own"
    m.handlers[own] = function() return own end
    m[own] = m.handlers[own]
end
-- Variables that the program does not have any more are forgotten with the last function that held them.
local function end_values(values, program)
    local have = {}
    for _, v in ipairs(program.variables) do have[v.key] = true end
    for key in pairs(values) do
        if not have[key] then values[key] = nil end
    end
end

local function run(number)
    local name = "r" .. number
    local program, values, removed = generate(), {}, {}
    story = { "-- first:", text(program) }
    write(name, text(program))
    local m = require(name)
    if base == "none" then
        os.remove(dir .. "/" .. name .. ".lua")
        hotpatch = hotpatch or require "hotpatch"
    end
    begin_values(values, program)
    check(m, program, values, removed, "before")

    local opaque = { [hotpatch] = true }
    local history = {}
    for round = 1, random(1, 4) do
        if base ~= "none" then meddle(m, program, removed) end
        local after = edit(program)
        local source = text(after)
        table.insert(story, "-- then:")
        table.insert(story, source)
        local spec = { module = name, source = source, file = name .. ".lua" }
        local start = snapshot.take({ _G }, opaque)
        local dry = hotpatch.diff(spec)
        local difference = snapshot.same(start, snapshot.take({ _G }, opaque))
        if difference then fail("diff changed the program: %s", difference) end
        local report = hotpatch.patch(spec)
        local notes = show(report.warnings) .. show(report.refusals) .. show(report.error)
        if dry.status ~= (report.status == "applied" and "planned" or report.status) then
            fail("diff says %s, push %s %s", dry.status, report.status, notes)
        end
        if report.status ~= "applied" and report.status ~= "no_change" then fail("status %s: %s", report.status, notes) end
        for _, note in ipairs(report.warnings) do
            local name = (note.path or ""):match("[^.:]*$")
            local expected_note = note.code == "R13" or note.code == "R03" and base == "none" or
                                  note.code == "R06" and not (reachable(program, removed)[name] and reachable(after, removed)[name])
            if not expected_note then fail("a warning: %s", notes) end
        end
        if hotpatch.patch(spec).status ~= "no_change" then fail("the same push again changes something") end
        if report.status == "applied" then
            if hotpatch.revert().status ~= "reverted" then fail("no revert") end
            difference = snapshot.alike(start, snapshot.take({ _G }, opaque))
            if difference then fail("the revert left a difference: %s", difference) end
            if hotpatch.patch(spec).status ~= "applied" then fail("no push after the revert") end
            history[#history + 1] = program
        end
        program = after
        begin_values(values, program)
        check(m, program, values, removed, "after push " .. round)
    end
    while #history > 0 do
        if hotpatch.revert().status ~= "reverted" then fail("no revert") end
        program = table.remove(history) -- what was removed since then stays removed
        end_values(values, program)
        begin_values(values, program)
        table.insert(story, "-- reverted to " .. #history)
        check(m, program, values, removed, "after a revert")
    end
    package.loaded[name] = nil
end

for number = 1, count do
    local ok, problem = xpcall(run, debug.traceback, number)
    if not ok then fail("%s", problem) end
end
os.execute("rm -rf '" .. dir .. "'")
print("ok: " .. count .. " programs")
