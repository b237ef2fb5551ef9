-- A client that dies, or whose connection is cut, at each step of a push: before it connects, while it connects, while the request
-- waits for a safe point, during the search, and between the commit and the answer. Asked by another client, the patch is wholly
-- there or not at all; the agent goes on; the id leads to the first answer.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/faults.lua")

-- A file descriptor of the process is a socket: it is connecting, or connected.
local function has_socket(pid)
    return h.shell("ls -l /proc/" .. pid .. "/fd 2>/dev/null"):find("socket:", 1, true) ~= nil
end

h.test(function()
    local s = h.stepped(0)
    local pid = tostring(s.pid)
    local relay = h.relay(s)
    local version, patches = 0, 0

    local function kill(b) os.execute("kill -9 " .. b.child()) end
    local faults = { { "killed", kill }, { "cut", function() relay:now() end } }

    -- before it connects: it still reads its source
    os.execute("mkfifo " .. h.quote(h.dir .. "/fifo"))
    local b = h.spawn { "push", "--pid", pid, "--message", "1", "m=fifo" }
    kill(b)
    b.wait()
    h.eq(h.pending(s), 0, "before connecting")
    h.whole(s, 0, "before connecting")

    -- while it connects: the server is stopped, so the greeting is not answered
    os.execute("kill -STOP " .. pid)
    b = h.spawn(h.push_args(1, "connecting", "--to", "ipc://" .. s.socket, "--timeout", "60"))
    local child = b.child()
    h.until_("it connects", function() return has_socket(child) end)
    os.execute("kill -9 " .. child)
    b.wait()
    os.execute("kill -CONT " .. pid)
    h.eq(h.pending(s), 0, "while connecting")
    h.whole(s, 0, "while connecting")

    local steps = {}
    function steps.waiting() end
    function steps.searching()
        s:slices(5)
        h.eq(h.pending(s), 0, "it does not wait any more")
    end
    function steps.committed(new)
        h.eq(s:ask("local n repeat n = hotpatch.poll() until n > 0 or require 'm'.b() == " .. new .. " return n"), "0",
            "it is committed and not answered yet")
    end
    for _, step in ipairs { "waiting", "searching", "committed" } do
        for _, f in ipairs(faults) do
            local name, fault = f[1], f[2]
            version = version + 1
            local what = name .. " when " .. step
            local id = ("%s-%s"):format(name, step)
            relay:cut ""
            b = h.spawn(h.push_args(version, id, "--to", relay.url, "--timeout", "60"))
            h.until_("it waits", function() return h.pending(s) == 1 end)
            steps[step](version)
            fault(b)
            local r = b.wait()
            if name == "cut" then
                h.eq(r.exit, 70, what)
                h.eq(r:json().status, "uncertain", what)
            end
            -- what is under way is not in the log before it is in effect, nor in effect before it is in the log
            patches = h.whole(s, step == "committed" and version or version - 1, what)
            s:to_its_end()
            h.eq(h.whole(s, version, what .. ", at its end"), step == "committed" and patches or patches + 1, what .. ": patches")
            local again = h.report(0, h.push_args(version, id, "--pid", pid))
            h.eq(again.status, "applied", what .. ": the first answer")
            h.eq(again.id, id, what .. ": its id")
            h.eq(s:ask("return hotpatch.poll()"), "0", what .. ": nothing is left to do")
        end
    end
    h.eq(h.whole(s, version, "at the end"), version, "as many patches as pushes")
    h.eq(s:ask("collectgarbage() collectgarbage() return #heap"), "20000", "the heap is whole")
end)
