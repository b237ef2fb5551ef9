-- Many pushes and reverts, and nothing grows:
--
--   lua5.4 soak.lua MODULE_PUSHES COMMAND_PUSHES
--
-- first within this process by the module, then by the real command against a server process. After the first part of each
-- (when the log, which is bounded, is full or has its share) heap, memory, descriptors and threads are measured, and at the end again.
-- Heap: what Lua counts after full cycles. Memory: VmRSS, with a tolerance of MEMORY_KB; both are printed.
-- Environment as for tests/e2e: E2E_COMMAND, E2E_CPATH, E2E_LUA.

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local inside, through = tonumber(arg[1]) or 300, tonumber(arg[2]) or 50
local HEAP_BYTES, MEMORY_KB = 32 * 1024, 1024
if os.getenv "SOAK_SANITIZED" then MEMORY_KB = math.huge end -- a sanitizer keeps what was freed; it finds leaks by itself
local LOG = 1024 -- entries that the history keeps

-- ---- the module, in versions ----------------------------------------------------------------------------------------------

-- State, a factory with an instance, a class with objects, handlers, a table of functions: and in every version something else of each.
local function source(version)
    local text = [[
local count = 0
local sessions = {}
local Session = {}
Session.__index = Session
local on = { tick = function(n) return n + $V end }
local function helper(x) return x * $V end
local extra$V = $V
local M = { VERSION = $V, on = on }
function M.hit() count = count + 1 return helper(count) end
function M.count() return count end
function M.open(id) sessions[id] = setmetatable({ id = id }, Session) return sessions[id] end
function M.made() return function() count = count + $V return count end end
function M.only$V() return extra$V, helper(1) end
function Session:version() return $V end
return M
]]
    return (text:gsub("%$V", tostring(version)))
end

-- Runs in the program under test; text, because the server gets it over a socket.
local measure = [[
local function lines(path, pattern)
    for line in io.lines(path) do
        local n = line:match(pattern)
        if n then return tonumber(n) end
    end
end
collectgarbage() collectgarbage() collectgarbage()
local heap = math.floor(collectgarbage("count") * 1024)
local descriptors = 0
local pipe = io.popen("ls /proc/PID/fd | wc -l")
descriptors = tonumber(pipe:read())
pipe:close()
return heap, lines("/proc/PID/status", "^VmRSS:%s*(%d+)"), descriptors, lines("/proc/PID/status", "^Threads:%s*(%d+)")
]]

local function show(what, m)
    print(("%-36s heap %8d bytes, memory %7d kB, %3d descriptors, %2d threads"):format(what, m[1], m[2], m[3], m[4]))
end

local function compare(what, first, last)
    show(what .. ": at first", first)
    show(what .. ": at the end", last)
    assert(last[1] - first[1] <= HEAP_BYTES, what .. ": the Lua heap grew")
    assert(last[2] - first[2] <= MEMORY_KB, what .. ": the memory of the process grew")
    assert(last[3] <= first[3] + 2, what .. ": descriptors are left") -- a connection may be on its way out at either time
    assert(last[4] <= first[4], what .. ": threads are left")
end

-- One turn after the other; measures when `settled` of them are done and at the end.
local function soak(what, turns, settled, turn, take)
    local first
    for i = 1, turns do
        turn(i)
        if i == settled then first = take() end
    end
    compare(("%s, %d turns"):format(what, turns), first, take())
end

-- ---- by the module ----------------------------------------------------------------------------------------------------------

local function in_process()
    package.cpath = os.getenv("E2E_CPATH") .. ";" .. package.cpath
    local hotpatch = require "hotpatch"
    local pipe = assert(io.popen("mktemp -d")) -- loaded from a file, so that its source is recorded
    local dir = pipe:read()
    pipe:close()
    local file = assert(io.open(dir .. "/soaked.lua", "w"))
    file:write(source(1))
    file:close()
    local path = package.path
    package.path = dir .. "/?.lua"
    local m = require "soaked"
    package.path = path
    os.execute("rm -r '" .. dir .. "'")
    local session, made = m.open(1), m.made()
    local expected = 0

    local function push(version)
        local report = hotpatch.patch { module = "soaked", source = source(version), file = "soaked.lua" }
        assert(report.status == "applied", report.status)
        m.hit() made()
        assert(session:version() == version and m.on.tick(1) == 1 + version and m["only" .. version]() == version)
        expected = expected + 1 + version
    end
    local function revert(version)
        assert(hotpatch.revert().status == "reverted")
        assert(session:version() == version)
    end

    local function turn(i)
        if i % 10 == 0 then -- one on the other, then back down
            push(2) push(3) push(4) revert(3) revert(2) revert(1)
        else
            local version = 2 + i % 5
            push(version) revert(1)
        end
        assert(m.count() == expected, "state was lost")
    end
    local text = measure:gsub("PID", "self")
    local take = function() return { assert(load(text))() } end
    text = text:gsub("/proc/self/fd", "/proc/$PPID/fd") -- asked by a shell of ours
    soak("module", inside, math.min(inside // 3, LOG + 100), turn, take)
end

-- ---- by the command ---------------------------------------------------------------------------------------------------------

local function by_command()
    arg[0] = here .. "/../e2e/soak.lua" -- the harness looks for its files beside the script
    local h = dofile(here .. "/../e2e/harness.lua")
    h.test(function()
        local s = h.server { name = "soak", modules = { soaked = source(1) } }
        local pid = tostring(s.pid)
        s:ask("made = require 'soaked'.made()")
        for version = 2, 4 do h.write("v" .. version .. ".lua", source(version)) end
        local function turn(i)
            local version = 2 + i % 3
            h.must(0, { "push", "--quiet", "--pid", pid, "soaked=v" .. version .. ".lua" })
            h.eq(s:ask("made() return require 'soaked'.on.tick(1)"), tostring(1 + version), "the new code")
            h.must(0, { "revert", "--quiet", "--pid", pid })
            h.eq(s:ask("return require 'soaked'.on.tick(1)"), "2", "the old code")
        end
        local text = measure:gsub("PID", pid)
        local function take()
            local m = {}
            for n in s:ask(text):gmatch("%d+") do m[#m + 1] = tonumber(n) end
            return m
        end
        soak("command", through, math.min(through // 3, LOG + 100), turn, take)
        s:quit()
    end)
end

in_process()
by_command()
