-- Sockets without a living agent behind them: of a dead process (also when its child still holds it open), of a process that
-- has none, and of one that is stopped.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")

local function listed(pid)
    for _, a in ipairs(h.report(0, { "ps" })) do
        if a.pid == pid then return true end
    end
    return false
end

h.test(function()
    h.write("new.lua", h.module("two"))

    local s = h.server { modules = { m = h.module("one") } }
    local sleeper = s:ask("return io.popen('sleep 1000 >/dev/null 2>&1 & echo $!'):read()")
    h.ok(h.exists(s.socket), "the socket is there")
    h.until_("it is listed while it lives", function() return listed(s.pid) end) -- a probe may be too short when all is slow
    local pid = s.pid
    s:kill()
    h.ok(h.exists(s.socket), "a killed server leaves its socket")
    local report = h.report(4, { "push", "--pid", pid, "m=new.lua" })
    h.eq(report.status, "no_agent", "push to the dead")
    h.ok(not listed(pid), "not listed any more")
    h.ok(not h.exists(s.socket), "and cleaned up")
    os.execute("kill " .. sleeper .. " 2>/dev/null")

    -- a socket file under the number of a living process that has no agent
    local other = h.server { env = "E2E_WITHOUT_HOTPATCH=1" }
    local unix = require "socket.unix"
    local fake = assert((unix.stream or unix)())
    h.ok(fake:bind(other.socket), "bind")
    h.report(4, { "push", "--pid", other.pid, "--timeout", "1", "m=new.lua" })
    h.ok(not listed(other.pid), "no agent")
    fake:close()
    os.remove(other.socket)
    h.eq(h.report(4, { "status", "--pid", other.pid }).status, "no_agent", "no socket at all")

    -- a leftover of an earlier process of the same number must not keep a server from starting: its number is not known
    -- beforehand, so the server makes the file itself before it starts its agent
    local again = h.server {
        modules = { m = h.module("one") },
        setup = [[
            local hotpatch = ...
            local pid = io.open("/proc/self/stat"):read("n")
            local dir = os.getenv "HOTPATCH_DIR"
            local unix = require "socket.unix"
            local old = (unix.stream or unix)()
            assert(old:bind(dir .. "/" .. pid .. ".sock"))
            old:close()
            return { start = { name = "again" }, modules = { "m" } }
        ]],
    }
    h.eq(h.report(0, { "push", "--pid", again.pid, "m=new.lua" }).status, "applied", "started over a stale socket")

    -- a server that is stopped (SIGSTOP) still has its I/O side stopped too: the client gives up, and does not hang
    os.execute("kill -STOP " .. again.pid)
    local stopped = h.run { "push", "--pid", again.pid, "--timeout", "1", "m=new.lua" }
    os.execute("kill -CONT " .. again.pid)
    h.ok(stopped.exit == 4 or stopped.exit == 6 or stopped.exit == 70, "gave up with " .. tostring(stopped.exit))
end)
