-- Drives end-to-end tests: servers as processes, the command as a process, each test in a folder of its own.
--
--   local h = dofile(… "/harness.lua")          every test file begins so
--   local s = h.server { modules = { m = text } }    a server process; s:ask(code) runs Lua in it, s:kill(), s:quit()
--   local r = h.run { "push", "m=new.lua" }     the command; r.exit, r.out, r.err, r:json()
--   local b = h.spawn { … }                     the same in the background; b:wait() gives r
--   h.eq h.ok h.has h.write h.until_ h.done()
--
-- The command sees the agents of this test alone, whatever else runs on the machine (HOTPATCH_ONLY).
-- All json that the command prints is held against docs/report.schema.json at the end.
-- Nothing here judges by the clock: waits poll for a condition, and give up after a time that is far beyond any real one.
local own = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "."
local here = io.popen("cd '" .. own .. "' && pwd"):read() -- of this file; servers run elsewhere
local socket = require "socket"
local json = dofile(here .. "/json.lua")

local h = { here = here, sleep = socket.sleep, socket = socket, source = os.getenv "E2E_SOURCE" or here .. "/../.." }
local lua = os.getenv "E2E_LUA" or "lua5.4"
local command = assert(os.getenv "E2E_COMMAND", "E2E_COMMAND is not set: the hotpatch executable")
local cpath = assert(os.getenv "E2E_CPATH", "E2E_CPATH is not set: where hotpatch.so is, as in /x/lua/?.so")
local GIVE_UP = 60 -- seconds

local servers, backgrounds = {}, {}

local function quote(s) return "'" .. tostring(s):gsub("'", "'\\''") .. "'" end
h.quote = quote

function h.shell(line)
    local pipe = assert(io.popen(line))
    local text = pipe:read("a")
    pipe:close()
    return text
end

h.dir = h.shell("mktemp -d /tmp/hpe.XXXXXX"):gsub("\n", "")
h.rundir = h.dir .. "/run"
h.uid = tonumber(h.shell("id -u"))

local function cleanup()
    for _, s in ipairs(servers) do
        if s.pid then os.execute("kill -9 " .. s.pid .. " 2>/dev/null") end
    end
    for _, b in ipairs(backgrounds) do
        if b.pid then os.execute("kill -9 " .. b.pid .. " 2>/dev/null") end
    end
    os.execute("rm -rf " .. quote(h.dir))
end

function h.fail(fmt, ...)
    local message = select("#", ...) > 0 and fmt:format(...) or fmt
    io.stderr:write(debug.traceback(message, 2), "\n")
    for _, s in ipairs(servers) do
        io.stderr:write("-- output of server ", tostring(s.pid), ":\n", s:output(), "\n")
    end
    cleanup()
    os.exit(1)
end

function h.eq(actual, expected, what)
    if actual ~= expected then
        h.fail("%s: expected %s, got %s", what or "value", tostring(expected), tostring(actual))
    end
end
function h.ok(value, what)
    if not value then h.fail("%s: not so", what or "condition") end
end
function h.has(text, part, what)
    if not tostring(text):find(part, 1, true) then
        h.fail("%s: \"%s\" is not in:\n%s", what or "text", part, tostring(text))
    end
end
function h.lacks(text, part, what)
    if tostring(text):find(part, 1, true) then
        h.fail("%s: \"%s\" is in:\n%s", what or "text", part, tostring(text))
    end
end

function h.until_(what, condition)
    local stop = socket.gettime() + GIVE_UP
    while true do
        local value = condition()
        if value then return value end
        if socket.gettime() > stop then h.fail("waited in vain: " .. what) end
        socket.sleep(0.01)
    end
end

function h.read(path)
    local file = io.open(path, "rb")
    if not file then return nil end
    local text = file:read("a")
    file:close()
    return text
end
function h.write(name, text)
    local path = name:sub(1, 1) == "/" and name or h.dir .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
end
function h.exists(path) return os.execute("test -e " .. quote(path)) == true end
function h.alive(pid) return os.execute("kill -0 " .. pid .. " 2>/dev/null") == true end

-- ---- servers --------------------------------------------------------------------------------------------------------

local Server = {}
Server.__index = Server
local count = 0

-- options: modules (name -> text), setup (text of setup.lua; by default it loads all modules), env (text before the
-- command), script and args (another program than server.lua; then there is nothing to ask)
function h.server(options)
    count = count + 1
    local s = setmetatable({ dir = h.dir .. "/server" .. count }, Server)
    os.execute("mkdir -p " .. quote(s.dir))
    local names = {}
    for name, text in pairs(options.modules or {}) do
        h.write(s.dir .. "/" .. name .. ".lua", text)
        names[#names + 1] = name
    end
    table.sort(names)
    h.write(s.dir .. "/setup.lua", options.setup or ("return { start = { name = %q }, modules = { %s } }"):format(
        options.name or "e2e", #names > 0 and '"' .. table.concat(names, '", "') .. '"' or ""))
    s.log = s.dir .. "/output"
    local line = ("cd %s; HOTPATCH_DIR=%s LUA_CPATH=%s %s exec %s %s %s >%s 2>&1 </dev/null & echo $!"):format(
        quote(s.dir), quote(h.rundir), quote(cpath .. ";;"), options.env or "", lua,
        quote(options.script or h.here .. "/server.lua"), options.args or quote(s.dir), quote(s.log))
    s.pid = tonumber(h.shell(line))
    servers[#servers + 1] = s
    if not options.script and options.wait ~= false then
        local port = h.until_("the server is up", function()
            if not h.alive(s.pid) then h.fail("the server ended at once") end
            return h.read(s.dir .. "/port")
        end)
        s.connection = assert(socket.connect("127.0.0.1", tonumber(port)))
        s.connection:settimeout(GIVE_UP)
        s.socket = h.rundir .. "/" .. s.pid .. ".sock"
    end
    return s
end

function Server:output() return h.read(self.log) or "" end

function Server:tell(code) self.connection:send(#code .. "\n" .. code) end

function Server:answer()
    local length = self.connection:receive("*l")
    if not length then h.fail("the server does not answer") end
    local text = self.connection:receive(tonumber(length))
    if text:sub(1, 1) ~= "+" then h.fail("in the server: " .. text:sub(2)) end
    return text:sub(2)
end

function Server:ask(code)
    self:tell(code)
    return self:answer()
end

-- The server does nothing, and no poll, until `release` is called.
function Server:block()
    local gate = self.dir .. "/gate"
    os.remove(gate)
    self:tell(("local f repeat sleep(0.005) f = io.open(%q) until f f:close() return 'released'"):format(gate))
    self.gate = gate
end
function Server:release()
    h.write(self.gate, "open")
    h.eq(self:answer(), "released", "release")
end

function Server:kill(signal)
    os.execute(("kill -%s %d"):format(signal or "KILL", self.pid))
    self:gone()
end
function Server:gone()
    h.until_("the server is gone", function()
        local state = h.read("/proc/" .. self.pid .. "/stat")
        return state == nil or state:match("%) (%a)") == "Z"
    end)
    self.pid = nil
end
function Server:quit()
    self:tell("stop = true")
    local pid = self.pid
    self:gone()
    return pid
end

-- ---- the command -----------------------------------------------------------------------------------------------------

local Result = {}
Result.__index = Result
function Result:json()
    local ok, value = pcall(json.decode, self.out)
    if not ok then h.fail("%s\nin the output of: %s\n%s", value, self.line, self.out .. self.err) end
    return value
end

local runs = 0
local function prepare(args)
    runs = runs + 1
    local base = h.dir .. "/run" .. runs
    local words = {}
    for i, a in ipairs(args) do words[i] = quote(a) end
    local line = ("cd %s; HOTPATCH_DIR=%s HOTPATCH_ONLY=1 XDG_RUNTIME_DIR= %s timeout -k 5 90 %s %s <%s >%s.out 2>%s.err"):format(
        quote(args.cd or h.dir), quote(h.rundir), args.env or "", args.wrap or "", quote(command) .. " " ..
        table.concat(words, " "), args.stdin and quote(h.write(base .. ".in", args.stdin)) or "/dev/null", base, base)
    return base, line
end

-- ---- what it prints is what docs/report.schema.json says ---------------------------------------------------------------

local printed = {} -- the json of all runs: two lines each, as validate.py takes them

local function wants_json(args)
    for i, a in ipairs(args) do
        if a == "--format=json" or (a == "--format" and args[i + 1] == "json") then return true end
    end
    return false
end

-- The name of the definition that a value has to match.
local function definition(args, value)
    if args[1] == "explain" and not value.protocol then return "explained" end
    return args[1] == "ps" and not value.protocol and "agents" or value.targets and "targets" or "report"
end

function h.remember_json(args, r)
    for line in r.err:gmatch "[^\n]+" do
        if line:sub(1, 2) == '{"' then -- of --progress
            printed[#printed + 1] = ("progress\t%s\n%s\n"):format(r.line:gsub("%c", " "), line)
        end
    end
    if not wants_json(args) or r.out == "" then return end
    printed[#printed + 1] = ("%s\t%s\n%s"):format(definition(args, r:json()), r.line:gsub("%c", " "), r.out)
end

-- What is wrong with these; nil: nothing.
function h.invalid(values)
    local python = os.getenv "E2E_PYTHON"
    if not python or #values == 0 then return nil end
    local text = h.shell(("%s %s %s %s 2>&1 || echo failed"):format(quote(python), quote(h.here .. "/validate.py"),
        quote(h.source .. "/docs/report.schema.json"), quote(h.write("printed.json", table.concat(values)))))
    return text ~= "" and text or nil
end

-- One line of diagnosis for each failure, and none where there is none (`ps` may tell of sockets that do not answer).
local FAILURES = { [1] = true, [3] = true, [4] = true, [5] = true, [6] = true, [7] = true, [64] = true, [70] = true }
function h.diagnosis(args, r)
    local _, lines = ("\n" .. r.err):gsub("\nhotpatch: ", "")
    local wanted = FAILURES[r.exit] and 1 or 0
    if lines ~= wanted and (FAILURES[r.exit] or r.exit == 0 or r.exit == 2) and args[1] ~= "ps" then
        h.fail("%d lines of diagnosis, not %d, with exit status %d of: %s\n%s", lines, wanted, r.exit, r.line, r.err)
    end
end

local function result(base, exit, args, line)
    local r = setmetatable({ exit = exit, out = h.read(base .. ".out"), err = h.read(base .. ".err"), line = line }, Result)
    h.remember_json(args, r)
    h.diagnosis(args, r)
    return r
end

function h.run(args)
    local base, line = prepare(args)
    local _, _, exit = os.execute(line)
    return result(base, exit, args, line)
end

-- Runs, and demands an exit status.
function h.must(exit, args)
    local r = h.run(args)
    if r.exit ~= exit then
        h.fail("exit %s, expected %d: hotpatch %s\n%s%s", tostring(r.exit), exit, table.concat(args, " "), r.out, r.err)
    end
    return r
end

-- The same with --format json: gives the report.
function h.report(exit, args)
    args = table.move(args, 1, #args, 1, setmetatable({}, { __index = args }))
    args[#args + 1] = "--format=json"
    local r = h.must(exit, args)
    h.eq(r.out:sub(-1), "\n", "the last byte of the json")
    return r:json(), r
end

function h.spawn(args)
    local base, line = prepare(args)
    local b = { base = base, line = line }
    -- the shell writes its exit status; the pid is that of the command itself (exec by timeout's child is found through it)
    b.pid = tonumber(h.shell(("sh -c %s >/dev/null 2>&1 & echo $!"):format(quote("echo $$ >" .. base .. ".pid; " ..
        line:gsub("timeout %-k 5 90", "") .. "; echo $? >" .. base .. ".status"))))
    backgrounds[#backgrounds + 1] = b
    function b.wait()
        local exit = h.until_("the command ends", function()
            local text = h.read(base .. ".status")
            return text and text:match("(%d+)\n")
        end)
        b.pid = nil
        return result(base, tonumber(exit), args, line)
    end
    function b.ended() return (h.read(base .. ".status") or ""):match("%d") ~= nil end
    function b.child() -- pid of the command itself
        return h.until_("the command runs", function()
            return h.shell("pgrep -P " .. b.pid .. " -x hotpatch"):match("%d+")
        end)
    end
    return b
end

-- Any other program in the background; killed at the end. Its pid.
function h.process(line)
    local pid = tonumber(h.shell(("exec %s >/dev/null 2>&1 </dev/null & echo $!"):format(line)))
    backgrounds[#backgrounds + 1] = { pid = pid }
    return pid
end

-- ---- common texts ---------------------------------------------------------------------------------------------------

-- A module with state, in versions that differ in what `hit` adds and `name` says.
function h.module(version, add)
    return ([[
local M = { VERSION = "1" }
local total = 0
function M.hit()
    total = total + %d
    return total
end
function M.name() return %q end
return M
]]):format(add or 1, version)
end

function h.pending(server)
    return h.report(0, { "status", "--pid", server.pid }).agent.pending or 0
end

function h.done()
    local wrong = h.invalid(printed)
    if wrong then h.fail("not as docs/report.schema.json says:\n%s", wrong) end
    cleanup()
    print "ok"
    os.exit(0)
end

-- A failed assertion or any other error of a test must not leave processes behind.
function h.test(body)
    local ok, problem = xpcall(body, debug.traceback)
    if not ok then h.fail("%s", problem) end
    h.done()
end

return h
