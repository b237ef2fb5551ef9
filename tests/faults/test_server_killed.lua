-- The server is killed at each step of a push: the client says what it knows; the next server starts as its files say, in the same
-- folder, and takes the push with the same id.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")
h.test(function()
    local function push(s, id)
        return h.spawn(h.push_args(1, id, "--to", "ipc://" .. s.socket, "--timeout", "60"))
    end
    local steps = {}
    function steps.waiting() end
    function steps.searching(s) s:slices(5) end
    function steps.committed(s)
        h.eq(s:ask("local n repeat n = hotpatch.poll() until n > 0 or require 'm'.b() == 1 return n"), "0", "committed")
    end

    -- it is stopped before it has answered the greeting, and killed then
    local s = h.stepped(0)
    os.execute("kill -STOP " .. s.pid)
    local b = push(s, "connecting")
    local child = b.child()
    h.until_("it connects", function()
        return h.shell("ls -l /proc/" .. child .. "/fd 2>/dev/null"):find("socket:", 1, true) ~= nil
    end)
    s:kill()
    local r = b.wait()
    h.eq(r.exit, 4, "killed while the client connects")
    h.eq(r:json().status, "unreachable", "killed while the client connects")
    h.has(r:json().error.text, "nothing was sent", "killed while the client connects")

    for _, step in ipairs { "waiting", "searching", "committed" } do
        s = h.stepped(0)
        b = push(s, step)
        h.until_("it waits", function() return h.pending(s) == 1 end)
        steps[step](s)
        local left = s.socket
        s:kill()
        r = b.wait()
        h.eq(r.exit, 70, "killed when " .. step)
        h.eq(r:json().status, "uncertain", "killed when " .. step)
        h.has(r:json().error.hint or r:json().error.text, step, "the id to ask again with")

        h.ok(h.exists(left), "a killed process leaves its socket")
        s = h.server { modules = { m = h.versioned(0) } }
        h.report(0, { "status", "--pid", s.pid })
        h.ok(not h.exists(left), "the next one clears it away")
        h.eq(h.whole(s, 0, "the next server"), 0, "no patches")
        h.eq(h.report(0, h.push_args(1, step, "--pid", s.pid)).status, "applied", "the same id, to another process")
        h.eq(h.whole(s, 1, "the next server"), 1, "patches")
        h.eq(#h.report(0, { "ps" }), 1, "agents")
        s:kill()
    end
end)
