-- Runs one case: lua5.4 run.lua FOLDER [plain|incremental|generational]
--
-- FOLDER/case.lua returns a table (all fields but `doc` may be left out):
--
--   doc       one sentence: what the design promises here
--   module    name of the module, default "m"; with `modules` the first of them
--   modules   list of { module =, old = "old.lua", new = "new.lua" } where several are pushed at once; more keys of an
--             item go into the spec (functions, effects …). `new = false`: loaded, not pushed.
--   target    what the spec names instead of the module: "m.Skill.cast", "@m.lua", ""
--   base      where the base is to come from: "recorded" (default: hotpatch is loaded first), "disk" (hotpatch is loaded
--             last), "none" (last, and the file is gone), "client" (the same, and the spec carries the old text),
--             or { client = "file.lua" } (the same with the text of another file)
--   load      function(t): loads the program in another way than `require module`; returns the module
--   spec      more fields of the spec (options)
--   before    function(m, t): the live module in use before the push
--   expect    what the report must say: see check_report; `status` is "applied" if left out
--   again     status of the same push made once more, default "no_change"; false:
--             not tried
--   round     false: do not try revert and push again before `after`
--   after     function(m, t): behaviour and state after the push
--   later     a sentence: which part of the design this needs that is not built yet; the case is skipped (exit status 77)
--   revert    function(m, t): after hotpatch.revert() and further use; `false`: the revert must be refused with R19
--
-- Every other file of the folder that is not old*.lua or new*.lua is a module the case may require.
-- t: .hotpatch .report .dir .keep (a root of the snapshots: server state) .note (not a root) .eq(actual, expected, what)
-- .ok(value, what) .cell(f, name) .upvalue(f, name) .push(source, options) .text(file) .warned(code)
--
-- What is checked without being asked: a diff changes nothing and says what the push then says; a push that is refused or
-- fails changes nothing; the same push again is no_change; revert restores everything up to the identity of functions, after
-- which the same push gives the same report; collector and hook are as before.

local folder, mode = arg[1], arg[2] or "plain"
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local snapshot = dofile(here .. "/snapshot.lua")
local show = dofile(here .. "/show.lua")

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    assert(file:write(text))
    file:close()
end

local function lines(command)
    local list = {}
    local pipe = assert(io.popen(command))
    for line in pipe:lines() do
        list[#list + 1] = line
    end
    pipe:close()
    return list
end

-- ---- the case -----------------------------------------------------------------------------------------------------

local case = dofile(folder .. "/case.lua")
local known = {}
for word in ("doc module modules target base load spec before expect again round after revert later"):gmatch("%a+") do
    known[word] = true
end
for key in pairs(case) do
    assert(known[key], "case.lua: unknown field " .. tostring(key))
end
if case.later then
    print("skipped: " .. case.later)
    os.exit(77)
end
local expect = case.expect or {}
local expected_status = expect.status or "applied"
local modules = case.modules or { { module = case.module or "m", old = "old.lua", new = "new.lua" } }
local dir = lines("mktemp -d")[1]
local hotpatch
local t = { keep = {}, note = {}, dir = dir }

local function finish(message, report)
    os.execute("rm -rf '" .. dir .. "'")
    if message then
        io.stderr:write(folder, ": ", case.doc or "(no doc)", "\n", message, "\n")
        if report then
            io.stderr:write("report: ", show(report), "\n")
        end
        os.exit(1, true)
    end
end

local shown -- the report that failure messages show
local function fail(fmt, ...)
    error(setmetatable({ message = fmt:format(...), trace = debug.traceback("", 2) }, { __name = "failure" }), 0)
end

function t.eq(actual, expected, what)
    if actual ~= expected or math.type(actual) ~= math.type(expected) then
        fail("%s: expected %s, got %s", what or "value", show(expected), show(actual))
    end
end

function t.ok(value, what)
    if not value then
        fail("%s: expected true, got %s", what or "condition", show(value))
    end
end

local function upvalue_index(f, name)
    local i = 1
    while true do
        local n = debug.getupvalue(f, i)
        if n == nil then fail("function has no upvalue %s", name) end
        if n == name then return i end
        i = i + 1
    end
end

function t.cell(f, name) return debug.upvalueid(f, upvalue_index(f, name)) end
function t.upvalue(f, name) return select(2, debug.getupvalue(f, upvalue_index(f, name))) end
function t.text(file) return read(folder .. "/" .. file) end

function t.warned(code)
    for _, note in ipairs(t.report.warnings or {}) do
        if note.code == code then return note end
    end
end

-- ---- the program --------------------------------------------------------------------------------------------------

local function module_file(name)
    return dir .. "/" .. name:gsub("%.", "/") .. ".lua"
end

local function load_agent()
    if hotpatch then return end
    hotpatch = require "hotpatch"
    t.hotpatch = hotpatch
end

local function load_program()
    package.path = dir .. "/?.lua"
    for _, path in ipairs(lines("ls '" .. folder .. "'")) do
        if not path:match("^old.*%.lua$") and not path:match("^new.*%.lua$") and path ~= "case.lua" then
            write(dir .. "/" .. path, read(folder .. "/" .. path))
        end
    end
    for _, item in ipairs(modules) do
        if item.old then
            local file = module_file(item.module)
            os.execute("mkdir -p '" .. file:match("^(.*)/") .. "'")
            write(file, read(folder .. "/" .. item.old))
        end
    end
    if (case.base or "recorded") == "recorded" then
        load_agent()
    end
    local first
    if case.load then
        first = case.load(t)
    else
        for i, item in ipairs(modules) do
            if item.old then
                local loaded = require(item.module)
                if i == 1 then first = loaded end
            end
        end
    end
    if case.base == "none" or case.base == "client" or type(case.base) == "table" then
        for _, item in ipairs(modules) do
            os.remove(module_file(item.module))
        end
    end
    load_agent()
    return first
end

local function make_spec()
    local list = {}
    for _, item in ipairs(modules) do
        if item.new ~= false then
            local spec = { module = case.target or item.module, source = read(folder .. "/" .. (item.new or "new.lua")),
                           file = item.file or (item.module .. ".lua") }
            if spec.module == "" then spec.module = nil end
            if case.base == "client" then
                spec.base = read(folder .. "/" .. item.old)
            elseif type(case.base) == "table" then
                spec.base = read(folder .. "/" .. case.base.client)
            end
            for key, value in pairs(item) do
                if key ~= "module" and key ~= "old" and key ~= "new" then spec[key] = value end
            end
            for key, value in pairs(case.spec or {}) do
                spec[key] = value
            end
            list[#list + 1] = spec
        end
    end
    return #list == 1 and list[1] or list
end

local function take()
    local opaque = { [t] = true, [hotpatch] = true, [case] = true }
    local running = collectgarbage("isrunning") -- a collector at its most aggressive is for the program, not for the picture
    collectgarbage("stop")
    local picture = snapshot.take({ _G, t.keep, debug.getmetatable("") }, opaque)
    if running then collectgarbage("restart") end
    return picture
end

-- ---- reports ------------------------------------------------------------------------------------------------------

local function sorted(list)
    local copy = table.move(list, 1, #list, 1, {})
    table.sort(copy)
    return copy
end

-- Equal as sorted lists; an expected entry "a|b" stands for either.
local function check_list(what, actual, expected)
    local left = {}
    for _, x in ipairs(actual) do left[x] = (left[x] or 0) + 1 end
    local missing = {}
    for _, x in ipairs(expected) do
        local found
        for alternative in x:gmatch("[^|]+") do
            if not found and (left[alternative] or 0) > 0 then
                left[alternative] = left[alternative] - 1
                found = true
            end
        end
        if not found then missing[#missing + 1] = x end
    end
    local surplus = {}
    for x, n in pairs(left) do
        if n > 0 then surplus[#surplus + 1] = x end
    end
    if #missing > 0 or #surplus > 0 then
        fail("%s: missing {%s}, surplus {%s}", what, table.concat(sorted(missing), ", "),
             table.concat(sorted(surplus), ", "))
    end
end

local function gather(report, key)
    local list = {}
    for _, module in ipairs(report.modules or {}) do
        for _, entry in ipairs(module[key] or {}) do
            list[#list + 1] = entry
        end
    end
    return list
end

local function without_env(list) -- whether the globals' own upvalue is listed is of no interest, unless a case asks
    local out = {}
    for _, path in ipairs(list) do
        if not path:match("%^_ENV$") then out[#out + 1] = path end
    end
    return out
end

-- Upvalues of functions that stay as they are share their cells anyway; whether they are listed is of no interest, unless a case asks.
local function of_changed(report, list, expected)
    local asked, unchanged, out = {}, {}, {}
    for _, x in ipairs(expected) do
        for alternative in x:gmatch("[^|]+") do asked[alternative] = true end
    end
    for _, f in ipairs(gather(report, "functions")) do
        unchanged[f.path] = f.verdict == "unchanged" or f.verdict == "kept"
    end
    for _, path in ipairs(list) do
        if asked[path] or not unchanged[path:match("^(.*)%^[^%^]*$")] then out[#out + 1] = path end
    end
    return out
end

-- { path = word }: exact, except that entries of the words in `quiet` need not be expected. "a|b" as in check_list.
local function check_words(what, entries, key, expected, quiet)
    local actual, wanted, asked = {}, {}, {}
    for path, word in pairs(expected) do
        wanted[#wanted + 1] = path:gsub("[^|]+", "%0=" .. word)
        for alternative in path:gmatch("[^|]+") do asked[alternative] = true end
    end
    for _, entry in ipairs(entries) do
        if not quiet[entry[key]] or asked[entry.path] then
            actual[#actual + 1] = entry.path .. "=" .. entry[key]
        end
    end
    check_list(what, actual, wanted)
end

-- Expected notes are "R12", "R12 path" or "R12+" (one or more); the list is exact, except for the codes that are only reported (R08, R13), which
-- need not be expected.
local function check_notes(what, notes, expected)
    local with_path, asked = {}, {}
    for _, x in ipairs(expected) do
        asked[x:match("^R%d+")] = true
        if x:find(" ", 1, true) then with_path[x] = (with_path[x] or 0) + 1 end
    end
    local actual = {}
    for _, note in ipairs(notes or {}) do
        local long = note.code .. " " .. tostring(note.path)
        if (with_path[long] or 0) > 0 then
            with_path[long] = with_path[long] - 1
            actual[#actual + 1] = long
        elseif (note.code ~= "R08" and note.code ~= "R13") or asked[note.code] then
            actual[#actual + 1] = note.code
        end
    end
    local wanted = {}
    for _, x in ipairs(expected) do
        local many = x:match("^(R%d+)%+$")
        if many then -- one or more of them
            local n = 0
            for i = #actual, 1, -1 do
                if actual[i] == many then table.remove(actual, i) n = n + 1 end
            end
            if n == 0 then fail("%s: no %s", what, many) end
        else
            wanted[#wanted + 1] = x
        end
    end
    check_list(what, actual, wanted)
end

local function check_report(report)
    t.eq(report.status, expected_status, "status")
    if expect.base then
        t.eq(report.modules[1].base, expect.base, "base")
    end
    if expect.functions then
        check_words("functions", gather(report, "functions"), "verdict", expect.functions, { unchanged = true, kept = true })
    end
    if expect.fields then
        check_words("fields", gather(report, "fields"), "action", expect.fields, { kept = true })
    end
    for _, key in ipairs { "joined", "absent", "orphaned" } do
        if expect[key] then
            check_list(key, of_changed(report, without_env(gather(report, key)), expect[key]), expect[key])
        end
    end
    if expect.warnings then check_notes("warnings", report.warnings, expect.warnings) end
    if expect.refusals or expected_status ~= "refused" then -- some refusals are for reasons that have no code
        check_notes("refusals", report.refusals, expect.refusals or {})
    end
    if expect.effects then
        local actual = {}
        for _, effect in ipairs(report.effects or {}) do
            actual[#actual + 1] = effect.change .. " " .. effect.call .. (effect.performed and " performed" or "")
        end
        check_list("effects", actual, expect.effects)
    end
    if expect.replayed then
        local actual = {}
        for _, replay in ipairs(report.replayed or {}) do actual[#actual + 1] = replay.call end
        check_list("replayed", actual, expect.replayed)
    end
    if expect.error then
        t.ok(report.error and tostring(report.error.text):find(expect.error), "error text matches " .. expect.error)
    end
    if expect.line then t.eq(report.error.line, expect.line, "error line") end
    if expect.source_line then
        t.ok(tostring(report.error.source_line):find(expect.source_line, 1, true), "error names the source line")
    end
    if expect.candidate then
        t.ok(table.concat(report.candidates or {}, " "):find(expect.candidate, 1, true), "offers " .. expect.candidate)
    end
    if expect.output then
        t.ok(tostring(report.output):find(expect.output, 1, true), "output has " .. expect.output)
    end
end

-- The lines of what is replaced are a diff's alone.
local function without_lines(functions)
    local out = {}
    for i, f in ipairs(functions) do
        out[i] = {}
        for key, value in pairs(f) do
            if key ~= "old" then out[i][key] = value end
        end
    end
    return out
end

-- The parts of a report that a dry run and the push must share.
local function outcome(report)
    local out = { warnings = report.warnings or {}, refusals = report.refusals or {}, effects = {}, modules = {} }
    for i, effect in ipairs(report.effects or {}) do
        out.effects[i] = { effect.change, effect.call, effect.args, effect.line }
    end
    for i, m in ipairs(report.modules or {}) do
        out.modules[i] = { m.module, without_lines(m.functions or {}), m.joined or {}, m.absent or {}, m.orphaned or {}, m.fields or {} }
    end
    return show(out)
end

-- ---- one after the other ---------------------------------------------------------------------------------------------

local diff_status = {
    applied = "planned", no_change = "no_change", refused = "refused", load_failed = "load_failed", limit = "limit",
    failed = "planned", rolled_back = "planned", conflict = "conflict",
}
local unchanged = { refused = true, load_failed = true, limit = true, failed = true, rolled_back = true, conflict = true,
                    no_change = true, no_memory = true, unsupported = true }

local function must_be_same(before, what)
    local difference = snapshot.same(before, take())
    if difference then fail("%s changed the program: %s", what, difference) end
end

local function revert(what)
    shown = hotpatch.revert()
    if shown.status ~= "reverted" then
        fail("%s: status %s", what, shown.status)
    end
end

local function round_trip(spec, start, first)
    if case.again ~= false then
        local here_ = take()
        shown = hotpatch.patch(spec)
        -- with the old text as the base by name, what runs now is not that base any more
        t.eq(shown.status, case.again or "no_change", "status of the same push again")
        if unchanged[shown.status] then must_be_same(here_, "pushing the same again") end
    end
    if case.revert == false then
        local here_ = take()
        shown = hotpatch.revert()
        t.eq(shown.status, "refused", "status of the revert")
        check_notes("refusals of the revert", shown.refusals, { "R19" })
        must_be_same(here_, "a refused revert")
        return
    end
    if case.round == false then return end
    revert("revert at once")
    local difference = snapshot.alike(start, take())
    if difference then fail("revert left a difference: %s", difference) end
    shown = hotpatch.patch(spec)
    t.eq(shown.status, "applied", "status of the push after the revert")
    if outcome(shown) ~= outcome(first) then
        fail("the push after the revert reports otherwise:\nfirst: %s\n now: %s", outcome(first), outcome(shown))
    end
end

local function run()
    local m = load_program()
    function t.push(source, options)
        local spec = { module = modules[1].module, source = source, file = modules[1].module .. ".lua" }
        for key, value in pairs(options or {}) do spec[key] = value end
        shown = hotpatch.patch(spec)
        return shown
    end
    if case.before then case.before(m, t) end

    local spec = make_spec()
    local running, hook = collectgarbage("isrunning"), debug.gethook()
    local start = take()

    shown = hotpatch.diff(spec)
    must_be_same(start, "diff")
    for alternative in expected_status:gmatch("[^|]+") do -- "limit|load_failed"
        if shown.status == (diff_status[alternative] or alternative) then expected_status = alternative end
    end
    t.eq(shown.status, diff_status[expected_status] or expected_status, "status of diff")
    local dry = outcome(shown)

    local report = hotpatch.patch(spec)
    shown, t.report = report, report
    check_report(report)
    if outcome(report) ~= dry then
        fail("diff and push differ:\ndiff: %s\npush: %s", dry, outcome(report))
    end
    if unchanged[expected_status] then must_be_same(start, "status " .. expected_status .. ", yet the push") end
    t.eq(collectgarbage("isrunning"), running, "collector running")
    t.eq(debug.gethook(), hook, "debug hook")

    if expected_status == "applied" then round_trip(spec, start, report) end
    start = nil -- it holds all that was there
    shown = nil
    if case.after then case.after(m, t) end
    if expected_status == "applied" and case.revert ~= false then
        revert("revert after use")
        if case.revert then case.revert(m, t) end
    end
end

if mode == "incremental" then
    collectgarbage("incremental", 10, 1000, 10)
elseif mode == "generational" then
    collectgarbage("generational", 1, 1)
end

local ok, problem = xpcall(run, function(e)
    if type(e) == "table" and e.message then
        return e.message .. (e.trace or "")
    end
    return debug.traceback(tostring(e), 2)
end)
finish(not ok and problem or nil, shown or t.report)
os.exit(0, true)
