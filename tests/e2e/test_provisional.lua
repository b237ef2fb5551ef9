-- A patch on trial: reverted by the agent itself unless it is confirmed in time; whatever becomes of the client.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { m = h.module("one", 1) } }
    local pid = tostring(s.pid)
    h.write("two.lua", h.module("two", 2))
    h.write("three.lua", h.module("three", 3))
    local function name() return s:ask "return require 'm'.name()" end
    local function push(exit, ...) return h.report(exit, { "push", "--pid", pid, "--accept", "R20", "m=two.lua", ... }) end
    local function trial() return h.report(0, { "log", "--pid", pid }).patches[1].trial end
    -- the agent's own revert is over: the module is what it was, and the log says why
    local function reverted(why)
        h.until_(why, function() return trial() == "expired" end)
        h.eq(name(), "one", why)
    end
    s:ask "require 'm'.hit()"

    -- not confirmed
    local r = push(0, "--confirm-within", "0.3s")
    h.eq(r.status, "applied", "pushed")
    h.eq(r.provisional.patch, r.patch, "which is on trial")
    h.ok(r.provisional.left_s > 0 and r.provisional.left_s <= 0.3, "left")
    reverted("nobody confirms: it is reverted")
    local entry = h.report(0, { "log", "--pid", pid }).patches[1]
    h.eq(entry.status, "reverted", "in the log")
    h.eq(s:ask "return require 'm'.hit()", "2", "state is kept")
    h.has(h.must(3, { "confirm", "--pid", pid }).err, "no patch is provisional", "too late")

    -- confirmed
    r = push(0, "--confirm-within", "1h")
    h.has(h.must(0, { "status", "--pid", pid }).out, "unless it is confirmed", "status")
    h.eq(h.report(0, { "status", "--pid", pid }).provisional.patch, r.patch, "status")
    h.eq(trial(), "provisional", "log")
    h.has(h.must(3, { "push", "--pid", pid, "m=three.lua" }).err, "is provisional", "nothing on top")
    h.eq(h.report(0, { "diff", "--pid", pid, "m=three.lua" }).status, "planned", "but a look")
    h.has(h.must(3, { "confirm", "--pid", pid, "99" }).err, "patch " .. r.patch .. " is", "another")
    h.eq(h.report(0, { "confirm", "--pid", pid, tostring(r.patch) }).status, "ok", "confirmed")
    h.eq(trial(), "confirmed", "log")
    h.eq(name(), "two", "and stays")
    h.must(0, { "revert", "--pid", pid })

    -- reverted by hand
    push(0, "--confirm-within", "1h")
    h.must(0, { "revert", "--pid", pid })
    h.eq(trial(), nil, "no trial any more")
    h.must(3, { "confirm", "--pid", pid })

    -- the client is killed as soon as it has sent
    local b = h.spawn { "push", "--pid", pid, "--accept", "R20", "--confirm-within", "0.5s", "m=two.lua" }
    h.until_("it is applied", function() return name() == "two" end)
    os.execute("pkill -9 -P " .. b.pid .. " 2>/dev/null")
    reverted("without the client")

    -- a server that polls seldom: the descriptor tells it to
    push(0, "--confirm-within", "0.2s")
    h.eq(s:ask [[
        local m, t = require 'm', os.clock()
        local before = m.name()
        while os.clock() - t < 0.3 do end -- busy beyond the time, without a poll
        return m.name() == before]], "true", "not without a poll")
    reverted("at the next poll")

    -- from Lua, and what a revert could not undo
    h.eq(s:ask [[
        local r = require 'hotpatch'.patch { module = "m", source = "local M = {} function M.name() return 'four' end return M",
            confirm_within_s = 3600, accept = { "R13", "R20" } }
        return r.status .. " " .. tostring(require 'hotpatch'.confirm().status) .. (r.error and r.error.text or "")]], "applied ok", "from Lua")
    h.must(0, { "revert", "--pid", pid })
    h.write("hook.lua", h.module("hook", 2):gsub("return M\n$", "function M.__hotfix() end\nreturn M\n"), nil)
    h.has(h.must(3, { "push", "--pid", pid, "--confirm-within", "5m", "m=hook.lua" }).out, "R19", "it could not be undone")
    h.eq(name(), "one", "nothing changed")
    h.must(64, { "push", "--pid", pid, "--confirm-within", "soon", "m=two.lua" })
    s:quit()
end)
