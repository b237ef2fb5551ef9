-- docs/report.schema.json: what each command prints is what it says (the harness looks at that in every test), and each key
-- that it names is printed by some command here.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local json = dofile(h.here .. "/json.lua")
local schema = json.decode(h.read(h.source .. "/docs/report.schema.json"))

-- Keys that the command does not print: it makes `diff` of `old`, and asks for `file` to find modules itself; no note has a
-- line yet.
local unseen = { ["report.function"] = { old = true }, ["report.module"] = { file = true }, ["report.note"] = { line = true } }
for name, definition in pairs(schema["$defs"]) do
    unseen[name] = unseen[name] or {}
    for key in pairs(definition.properties or {}) do
        if unseen[name][key] then unseen[name][key] = nil else unseen[name][key] = "not yet" end
    end
end

local function see(value, node)
    local name = (node["$ref"] or ""):match "^#/%$defs/(.*)$"
    if name then return see(value, setmetatable({ name = name }, { __index = schema["$defs"][name] })) end
    if type(value) ~= "table" then return end
    if node.anyOf then
        local which = value.target and node.anyOf[2] or node.anyOf[1] -- of progress; of all others both are no objects
        return see(value, which)
    end
    if node.items then
        for _, item in ipairs(value) do see(item, node.items) end
    end
    for key, property in pairs(node.properties or {}) do
        if value[key] ~= nil then
            if node.name then unseen[node.name][key] = nil end
            see(value[key], property)
        end
    end
end

local function print_as(name, exit, args)
    local value = h.report(exit, args)
    see(value, { ["$ref"] = "#/$defs/" .. name })
    return value
end

-- The same for the lines of --progress.
local function see_progress(r)
    for line in r.err:gmatch "(%b{})\n" do see(json.decode(line), { ["$ref"] = "#/$defs/progress" }) end
end

local function source(version, extra)
    return ([[
local svc = require "svc"
local M = { VERSION = %q, list = {} }
local total, hits = 0, {}
function M.hit() total = total + 1 hits[#hits + 1] = total return total end
function M.loop() while coroutine.yield(%q) ~= "end" do end end
M.Skill = {}
function M.Skill.cast() return %q end
%s
return M
]]):format(version, version, version, extra or "")
end

-- What a body calls of it has effects, so it is not called again when the body runs for a patch.
local service = [[
local svc, names = {}, {}
function svc.on(name) names[#names + 1] = name io.stdout:flush() end
function svc.open() io.stdout:flush() return names end
return svc
]]

h.test(function()
    local s = h.server {
        modules = { svc = service, m = source "one" },
        setup = "return { start = { name = 'e2e', listen = { 'tcp://127.0.0.1:0' } }, " ..
            "modules = { 'svc', 'm' } }",
    }
    local pid = tostring(s.pid)
    -- R20: a machine may be slow
    local slow_machine = { diff = "--accept=R20", push = "--accept=R20", revert = "--accept=R20" }
    local function report(exit, command, ...)
        return print_as("report", exit, { command, "--pid", pid, slow_machine[command] or "--quiet", ... })
    end
    h.write("bad.lua", "local M = {}\nfunction M.f( return 1 end\nreturn M\n")
    h.write("fails.lua", "local function f() error 'no' end\nf()\n")
    h.write("hotfix.lua", source("two", "function M.__hotfix() print 'here' error 'deliberate' end"))
    h.write("two.lua", source("two", "local log = svc.open()\nsvc.on('two')\n" ..
        "function M.more() return log, hits end\nfunction M.hit2() return total end"))
    h.write("three.lua", source "three")

    -- looking
    print_as("agents", 0, { "ps" })
    print_as("agents", 0, { "ps", env = "HOTPATCH_DIR=/nowhere" })
    report(0, "status")
    report(0, "log")
    report(0, "inspect", "m")
    report(3, "inspect", "mm")
    report(0, "eval", "-e", "print 'here' return 1, 'two'")
    report(1, "eval", "-e", "error 'x'")
    report(0, "verify", "m=" .. s.dir .. "/m.lua")
    report(0, "diff", "m=two.lua")
    report(2, "diff", "--exit-code", "m=two.lua")

    -- what is refused, and what fails
    report(3, "push", "mm=two.lua")
    report(3, "push", "m=two.lua", "--expect-version", "9")
    report(1, "push", "m=bad.lua")
    report(1, "push", "m=fails.lua")
    report(1, "push", "m=hotfix.lua")
    report(3, "revert")
    report(3, "confirm")
    report(4, "status", "--state", "nosuch")
    print_as("report", 4, { "status", "--pid", "2147483000" })
    print_as("report", 64, { "push", "--strikt", "m=two.lua" })
    print_as("report", 64, { "pusch", "--format", "json" })
    print_as("report", 64, { "audit" })
    h.ok(h.run({ "push", "--pid", pid, "m=nosuch.lua", "--format=json" }).exit ~= 0, "no such file")

    -- doing: a frame of the old code stays behind
    s:ask "m = require 'm' m.hit() co = coroutine.create(m.loop) coroutine.resume(co) hold = { m.hit, [m.hit] = 1 }"
    report(0, "push", "m=two.lua", "--effects", "new", "--accept=R19", "--confirm-within", "1h", "--message", "why")
    report(0, "status")
    h.until_("what is still held", function()
        s:ask "collectgarbage() collectgarbage()"
        return report(0, "status").held
    end)
    report(0, "confirm")
    report(0, "log")
    report(2, "verify", "m=three.lua")
    s:block()
    report(6, "push", "m=three.lua", "--timeout", "0.2")
    local waits = h.spawn { "push", "--pid", pid, "--accept=R20", "m=three.lua", "--timeout", "60", "--format=json" }
    h.until_("it waits", function() return report(0, "status").agent.pending == 1 end)
    s:release()
    waits.wait()
    report(0, "revert")
    report(3, "revert", "99")

    -- a guard that reverts what raises
    h.write("raises.lua", source("four", "function M.fails(x) return x.y end"))
    report(0, "push", "m=raises.lua", "--accept=R19", "--confirm-within", "1h", "--guard", "errors<1%")
    s:ask "for i = 1, 20 do pcall(m.fails) end"
    h.until_("it is reverted", function() return report(0, "log").patches[1].trial == "guard" end)

    -- while something is under way: a heap that takes more than one slice, and a server that polls when it is told to
    local slow = h.server {
        modules = { m = h.module "one" },
        setup = "return { start = { name = 'slow', max_pause_ms = 1e-3 }, modules = { 'm' }, poll = false }",
    }
    slow:ask "hotpatch = require 'hotpatch' hotpatch.poll() heap = {} for i = 1, 20000 do heap[i] = { i } end"
    h.write("plain.lua", h.module "two")
    local push = h.spawn { "push", "--pid", slow.pid, "--timeout", "60", "--accept=R20", "m=plain.lua", "--progress",
        "--format=json" }
    h.until_("it is under way", function()
        slow:ask "hotpatch.poll()"
        return print_as("report", 0, { "status", "--pid", slow.pid }).running
    end)
    h.until_("it tells", function() return (h.read(push.base .. ".err") or ""):find '"phase"' end)
    slow:ask "local n repeat n = hotpatch.poll() until n > 0"
    local pushed = push.wait()
    h.eq(pushed.exit, 0, "it ends")
    see_progress(pushed)

    -- from git
    h.shell(("cd %s && git init -q . && git add m.lua && git -c user.name=t -c user.email=t@t commit -qm one"):format(
        h.quote(s.dir)))
    h.write(s.dir .. "/new.lua", "return {}\n")
    h.shell(("cd %s && git add new.lua && git -c user.name=t -c user.email=t@t commit -qm two"):format(h.quote(s.dir)))
    print_as("report", 0, { "diff", "--pid", pid, "--accept=R20", "--git", "HEAD~1..HEAD", cd = s.dir })

    -- several targets
    h.write("fleet", ("pid:%s\nipc://%s/nobody.sock\npid:%s\n"):format(pid, h.dir, pid))
    local fleet = { "status", "--targets", "fleet", "--batch", "1", "--progress" }
    print_as("targets", 7, fleet)
    see_progress(select(2, h.report(7, fleet)))
    print_as("report", 64, { "status", "--targets", "nosuch" })

    -- bundles, and a server that takes none but signed ones
    h.shell(("cd %s && minisign -G -W -s key -p key.pub"):format(h.dir))
    local trusting = h.server { modules = { m = h.module "one" },
        setup = ("return { start = { name = 'e2e', trust = { keys = %q } }, modules = { 'm' } }"):format(h.dir .. "/key.pub") }
    local made = { "--series", "s", "--author", "a", "--message", "why", "--accept", "R20", "--base", "m=" .. trusting.dir .. "/m.lua", "m=plain.lua" }
    print_as("report", 0, { "bundle", "-o", "fix.hotpatch", "--expires", "1d", table.unpack(made) })
    print_as("report", 0, { "sign", "-k", "key", "fix.hotpatch" })
    print_as("report", 0, { "inspect", "fix.hotpatch" })
    print_as("report", 5, { "push", "--pid", trusting.pid, "m=plain.lua" })
    print_as("report", 0, { "push", "--pid", trusting.pid, "fix.hotpatch" })
    print_as("report", 0, { "bundle", "-o", "old.hotpatch", "--created", "1", "--expires", "1s", table.unpack(made) })
    print_as("report", 0, { "inspect", "old.hotpatch" })

    -- no server at all
    h.write("empty", "")
    print_as("report", 0, { "audit", "check", "empty" })
    for _, words in ipairs { {}, { "R06" }, { "refused" }, { "R06", "refused" } } do
        local value = h.report(0, { "explain", table.unpack(words) })
        for _, one in ipairs(value[1] and value or { value }) do
            see(one, { ["$ref"] = one.code and "#/$defs/explained.code" or "#/$defs/explained.status" })
        end
    end
    print_as("report", 64, { "explain", "R99" })

    local missing = {}
    for name, keys in pairs(unseen) do
        for key in pairs(keys) do missing[#missing + 1] = name .. "." .. key end
    end
    table.sort(missing)
    h.eq(table.concat(missing, " "), "", "keys that no command here printed, or that none should")

    -- and the look itself sees what is wrong
    local function wrong(text) return h.invalid { ("agents\tmade up\n%s\n"):format(text) } or "nothing" end
    local agent = '{"pid":1,"uptime_s":1.5,"patches":0,"states":[],"listen":[]%s}'
    h.eq(wrong("[" .. agent:format "" .. "]"), "nothing", "a good one")
    h.has(wrong("[" .. agent:format ',"extra":1' .. "]"), "'extra' was unexpected", "a key too many")
    h.has(wrong("[" .. agent:format ',"name":1' .. "]"), "is not of type 'string'", "another type")
    h.has(wrong '[{"pid":1}]', "is a required property", "a key too few")
    h.has(wrong "[] []", "not one JSON value", "two values")
end)
