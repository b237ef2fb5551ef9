-- A server that is busy, or stopped, for longer than the deadline: what had not started never runs, what had started comes to its
-- end, and the client says which.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")
h.test(function()
    -- busy in Lua: the agent's own threads end the wait
    local s = h.stepped(0)
    local pid = tostring(s.pid)
    local report = h.late(1, "late", pid)
    h.eq(report.status, "timeout", "busy")
    h.eq(s:ask("return hotpatch.poll()"), "0", "it does not start later")
    h.eq(h.whole(s, 0, "busy"), 0, "patches")
    h.eq(h.report(6, h.push_args(1, "late", "--pid", pid)).status, "timeout", "its first answer")

    -- several, of which one expires between the others
    local first = h.spawn(h.push_args(1, "first", "--pid", pid, "--timeout", "60"))
    h.until_("the first waits", function() return h.pending(s) == 1 end)
    h.late(2, "second", pid)
    local third = h.spawn(h.push_args(3, "third", "--pid", pid, "--timeout", "60"))
    h.until_("the third waits", function() return h.pending(s) == 2 end)
    s:to_its_end()
    s:to_its_end()
    h.eq(first.wait().exit, 0, "the first")
    h.eq(third.wait().exit, 0, "the third")
    h.eq(h.whole(s, 3, "two of three"), 2, "patches")

    -- begun, and then no poll for longer than the deadline: a deadline is for the beginning
    local b, _, seconds = h.waiting(s, 4, "begun")
    s:slices(3)
    h.sleep(seconds + 0.5)
    h.whole(s, 3, "begun")
    s:to_its_end()
    h.eq(b.wait().exit, 0, "begun in time")
    h.whole(s, 4, "begun in time")

    -- the whole process is stopped: nobody answers at all. The request came before.
    local name
    b, name = h.waiting(s, 5, "stopped")
    os.execute("kill -STOP " .. pid)
    local r = b.wait()
    os.execute("kill -CONT " .. pid)
    h.eq(r.exit, 70, "stopped")
    h.eq(r:json().status, "uncertain", "stopped")
    h.until_("it is given up", function() return h.pending(s) == 0 end)
    h.eq(s:ask("return hotpatch.poll()"), "0", "it does not start when the process goes on")
    h.whole(s, 4, "stopped")
    h.eq(h.report(6, h.push_args(5, name, "--pid", pid)).status, "timeout", "what came of it")
    r = h.spawn(h.push_args(5, "later", "--pid", pid, "--timeout", "60"))
    h.until_("it waits", function() return h.pending(s) == 1 end)
    s:to_its_end()
    h.eq(r.wait().exit, 0, "the agent goes on serving")
    h.whole(s, 5, "at the end")
end)
