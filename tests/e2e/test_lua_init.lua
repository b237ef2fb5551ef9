-- LUA_INIT starts the agent in a program that was not changed; any call of poll serves it.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    h.write("new.lua", h.module("two"))
    local s = h.server {
        env = [[LUA_INIT='require "hotpatch".start()']],
        modules = { m = h.module("one") },
        setup = "return { start = false, modules = { 'm' } }",
    }
    local status = h.report(0, { "status", "--pid", s.pid })
    h.has(status.agent.name, "server", "its name comes from the program")
    local report = h.report(0, { "push", "--pid", s.pid, "m=new.lua" })
    h.eq(report.status, "applied", "push")
    h.eq(report.modules[1].base, "recorded", "loaded before the program: it saw every module")
    h.eq(s:ask("return require 'm'.name()"), "two", "code")

    -- a program that never polls and has no other safe point: it is served by none, and the client says so in time
    local p = h.server {
        env = [[LUA_INIT='require "hotpatch".start { safepoint = "poll" }']],
        modules = { m = h.module("one") },
        setup = "return { start = false, modules = { 'm' }, poll = false }",
    }
    local r = h.run { "push", "--pid", p.pid, "--timeout", "0.5", "m=new.lua" }
    h.ok(r.exit == 4 or r.exit == 6, "nobody there: exit " .. tostring(r.exit))
    h.eq(p:ask("return require 'm'.name()"), "one", "code")
end)
