-- The live program of one case, for alloc_sweep.c: loads the case's modules as tests/cases/run.lua does, makes its spec, and
-- knows what must be true after a push. Loaded into each live state with the arguments
--
--   folder     the case
--   hotpatch   table of functions over the engine under test: open() diff(spec) patch(spec) revert() log() inspect(target)
--
-- and returns the table of functions that the C side calls.

local folder, hotpatch = ...
local case = dofile(folder .. "/case.lua")
local modules = case.modules or { { module = case.module or "m", old = "old.lua", new = "new.lua" } }
local dir = os.getenv("STRESS_DIR")
local program = {}
local m -- what the first module returned
local t = { hotpatch = hotpatch, keep = {}, note = {}, dir = dir }

-- ---- what cases may use --------------------------------------------------------------------------------------------------

function t.eq(actual, expected, what)
    if actual ~= expected or math.type(actual) ~= math.type(expected) then
        error(("%s: expected %s, got %s"):format(what or "value", tostring(expected), tostring(actual)), 2)
    end
end

function t.ok(value, what)
    if not value then
        error(("%s: expected true, got %s"):format(what or "condition", tostring(value)), 2)
    end
end

local function upvalue_index(f, name)
    local i = 1
    while debug.getupvalue(f, i) ~= name do
        if debug.getupvalue(f, i) == nil then error("no upvalue " .. name) end
        i = i + 1
    end
    return i
end

function t.cell(f, name) return debug.upvalueid(f, upvalue_index(f, name)) end
function t.upvalue(f, name) return select(2, debug.getupvalue(f, upvalue_index(f, name))) end

function t.warned(code)
    for _, note in ipairs(t.report.warnings or {}) do
        if note.code == code then return note end
    end
end

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

function t.text(file) return read(folder .. "/" .. file) end

function t.push(source, options)
    local spec = { module = modules[1].module, source = source, file = modules[1].module .. ".lua" }
    for key, value in pairs(options or {}) do spec[key] = value end
    return hotpatch.patch(spec)
end

-- ---- the program ----------------------------------------------------------------------------------------------------------

local function write(path, text)
    local file = assert(io.open(path, "wb"))
    assert(file:write(text))
    file:close()
end

local function module_file(name)
    return dir .. "/" .. name:gsub("%.", "/") .. ".lua"
end

local function lay_out()
    os.execute("rm -rf '" .. dir .. "' && mkdir -p '" .. dir .. "'")
    local pipe = io.popen("ls '" .. folder .. "'")
    for name in pipe:lines() do
        if not name:match("^old.*%.lua$") and not name:match("^new.*%.lua$") and name ~= "case.lua" then
            write(dir .. "/" .. name, read(folder .. "/" .. name))
        end
    end
    pipe:close()
    for _, item in ipairs(modules) do
        if item.old then
            local file = module_file(item.module)
            os.execute("mkdir -p '" .. file:match("^(.*)/") .. "'")
            write(file, read(folder .. "/" .. item.old))
        end
    end
end

-- Everything that the engine keeps once it has patched something for the first time is there after this.
local function warm_up()
    package.loaded.warm_up = { f = function() return 1 end }
    local report = hotpatch.patch { module = "warm_up", source = "return { f = function() return 2 end }" }
    assert(report.status == "applied", report.error and report.error.text or report.status)
    assert(package.loaded.warm_up.f() == 2)
    assert(hotpatch.revert().status == "reverted")
    package.loaded.warm_up = nil
end

function program.start()
    lay_out()
    package.path = dir .. "/?.lua"
    package.loaded.hotpatch = hotpatch
    local recorded = (case.base or "recorded") == "recorded"
    if recorded then hotpatch.open() end
    if case.load then
        m = case.load(t)
    else
        for i, item in ipairs(modules) do
            if item.old then
                local loaded = require(item.module)
                if i == 1 then m = loaded end
            end
        end
    end
    if case.base == "none" or case.base == "client" or type(case.base) == "table" then
        for _, item in ipairs(modules) do os.remove(module_file(item.module)) end
    end
    if not recorded then hotpatch.open() end
    warm_up()
    if case.before then case.before(m, t) end
end

-- What the case pushes.
function program.spec()
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

function program.calls_server()
    for _, item in ipairs(modules) do
        if item.new ~= false and read(folder .. "/" .. (item.new or "new.lua")):find("__hot", 1, true) then return true end
    end
    return case.spec ~= nil and case.spec.effects == "new"
end

function program.target()
    return modules[1].module
end

-- ---- what the C side takes pictures of -------------------------------------------------------------------------------------

-- Roots, and a set of objects that are no part of the program. `whole`: with the registry; what a request leaves there is a leak.
function program.roots(whole)
    local opaque = { [t] = true, [hotpatch] = true, [case] = true, [program] = true }
    return { _G, t.keep, debug.getmetatable(""), whole and debug.getregistry() or nil }, opaque
end

function program.after_push(report)
    t.report = report
    if case.after then case.after(m, t) end
end

return program
