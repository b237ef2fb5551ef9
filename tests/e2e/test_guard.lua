-- push --guard: the agent reverts a patch whose functions raise too often; and leaves no hook behind.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local function module(version, line)
        return ([[
local M = {}
local total = 0
function M.hit(x)
    %s
    total = total + 1
    return total
end
function M.name() return %q end
return M
]]):format(line, version)
    end
    local s = h.server { modules = { m = module("one", "local _ = x") } }
    local pid = tostring(s.pid)
    h.write("bad.lua", module("bad", "local _ = x.field"))
    h.write("good.lua", module("good", "local _ = not x"))
    local function push(exit, file, ...)
        return h.report(exit, { "push", "--pid", pid, "--accept", "R20", "m=" .. file, ... })
    end
    local function entry() return h.report(0, { "log", "--pid", pid }).patches[1] end
    local function call(times, argument)
        return s:ask(("local good = 0 for i = 1, %d do if pcall(require 'm'.hit, %s) then good = good + 1 end end return good")
            :format(times, argument))
    end
    local hook = "return tostring(debug.gethook())"
    h.eq(call(3, "{}"), "3", "before")
    h.eq(s:ask(hook), "nil", "no hook")

    -- one that raises is taken back, and the state goes on
    local r = push(0, "bad.lua", "--confirm-within", "1h", "--guard", "errors<10%")
    h.eq(r.provisional.guard.rule, "errors<10%", "on trial, with a guard")
    h.eq(s:ask(hook), "external hook", "counted")
    h.eq(call(9, "{}"), "9", "it works as long as")
    h.eq(call(10, "nil"), "0", "… and then not")
    local guard = h.report(0, { "status", "--pid", pid }).provisional.guard
    h.eq(guard.calls, 19, "status: calls")
    h.eq(guard.errors, 10, "status: errors")
    h.eq(guard.tripped, false, "too few to judge")
    h.has(h.must(0, { "status", "--pid", pid }).out, "errors<10%: 19 calls, 10 ended by an error", "status")
    h.eq(call(1, "{}"), "1", "the twentieth")
    h.until_("it is reverted", function() return entry().trial == "guard" end)
    h.eq(s:ask "return require 'm'.name()", "one", "the old code")
    h.eq(s:ask "return require 'm'.hit()", "14", "with its state")
    local e = entry()
    h.eq(e.status, "reverted", "log")
    h.eq(e.guard.calls, 20, "log: calls")
    h.eq(e.guard.errors, 10, "log: errors")
    h.eq(e.guard["function"], "m.hit", "log: which")
    h.has(e.guard.last_error, "attempt to index a nil value", "log: what")
    h.has(h.must(0, { "log", "--pid", pid }).out, "reverted, guard", "log")
    h.eq(s:ask(hook), "nil", "the hook is off")
    h.has(h.must(3, { "confirm", "--pid", pid }).err, "no patch is provisional", "too late")

    -- a good one stays, until it is confirmed and after it
    r = push(0, "good.lua", "--confirm-within", "1h", "--guard", "errors<2")
    h.eq(call(100, "nil"), "100", "it works")
    h.eq(s:ask "return tostring(pcall(coroutine.wrap(function() error 'other' end)))", "false", "another's error is not its")
    guard = h.report(0, { "status", "--pid", pid }).provisional.guard
    h.eq(guard.calls, 100, "calls")
    h.eq(guard.errors, 0, "errors")
    h.eq(h.report(0, { "confirm", "--pid", pid }).status, "ok", "confirmed")
    h.until_("the hook is off", function() return s:ask(hook) == "nil" end)
    h.eq(entry().trial, "confirmed", "log")
    h.eq(s:ask "return require 'm'.name()", "good", "and stays")
    h.must(0, { "revert", "--pid", pid })

    -- by a number; in a coroutine; the client is gone
    local b = h.spawn { "push", "--pid", pid, "--accept", "R20", "--confirm-within", "1h", "--guard", "errors<2", "m=bad.lua" }
    h.until_("it is applied", function() return s:ask "return require 'm'.name()" == "bad" end)
    os.execute("pkill -9 -P " .. b.pid .. " 2>/dev/null")
    h.until_("it is on trial", function() return entry().trial == "provisional" end)
    s:ask "for i = 1, 2 do coroutine.resume(coroutine.create(require 'm'.hit)) end collectgarbage()"
    h.until_("it is reverted", function() return entry().trial == "guard" end)
    h.eq(s:ask "return require 'm'.name()", "one", "without the client")
    h.eq(s:ask(hook), "nil", "the hook is off")

    -- reverted by hand
    push(0, "bad.lua", "--confirm-within", "1h", "--guard", "errors<2")
    r = h.report(0, { "revert", "--pid", pid })
    h.eq(r.references.key, 0, "the guard's own table is no place to switch")
    h.eq(s:ask(hook), "nil", "the hook is off")
    h.eq(entry().trial, nil, "no trial any more")

    -- from Lua
    h.eq(s:ask [[
        local r = require 'hotpatch'.patch { module = "m", source = "local M = {} function M.name() error 'x' end return M",
            confirm_within_s = 3600, guard = "errors<1", accept = { "R13", "R20" } }
        return r.status .. " " .. r.provisional.guard.rule .. " " .. tostring(pcall(require 'm'.name))]], "applied errors<1 false", "from Lua")
    h.until_("it is reverted", function() return entry().trial == "guard" end)
    h.has(s:ask [[return select(2, pcall(require 'hotpatch'.patch, { module = "m", source = "return {}", guard = "errors<1" }))]],
        "confirm_within_s", "a guard has a time")

    -- what is refused
    s:ask "debug.sethook(function() end, '', 1000000)"
    h.has(h.must(3, { "push", "--pid", pid, "--accept", "R20", "--confirm-within", "1h", "--guard", "errors<1%", "m=good.lua" }).err,
        "debug hook", "a hook of the program")
    h.eq(s:ask "return require 'm'.name()", "one", "nothing changed")
    s:ask "debug.sethook()"
    h.has(h.must(64, { "push", "--pid", pid, "--guard", "errors<1%", "m=good.lua" }).err, "--confirm-within", "for how long?")
    h.has(h.must(64, { "push", "--pid", pid, "--confirm-within", "5m", "--guard", "some", "m=good.lua" }).err, "errors<1%", "no rule")

    -- the agent goes
    push(0, "good.lua", "--confirm-within", "1h", "--guard", "errors<1%")
    h.eq(s:ask(hook), "external hook", "counted")
    s:ask "require 'hotpatch'.stop()"
    h.eq(s:ask(hook), "nil", "and no more")
    s:quit()
end)
