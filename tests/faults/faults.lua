-- What the tests of faults share: the harness of the end-to-end tests, and
--   h.versioned(v)              a module whose functions all say v
--   h.whole(server, v, what)    it runs version v in all its functions, and the log says the same
--   h.stepped(v)                a server that polls only when it is told to, with s:slices(n), s:to_its_end()
--   h.relay(server)             a connection that can be cut (relay.lua): r.url, r:cut(where), r:now(), r:push(n)
local own = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "."
local h = dofile(own .. "/../e2e/harness.lua")
local folder = h.shell("cd " .. h.quote(own) .. " && pwd"):gsub("\n", "")

-- Every version has as many bytes, so that a frame cut at a byte is cut at the same place for each.
function h.versioned(v)
    return ([[
local M = {}
local n = 0
function M.a() n = n + 1 return %04d, n end
function M.b() return %04d end
M.sub = { c = function() return %04d end }
return M
]]):format(v, v, v)
end

local function applied(pid)
    local newest, count = 0, 0
    for _, p in ipairs(h.report(0, { "log", "--pid", pid }).patches or {}) do
        if p.status == "applied" then
            count = count + 1
            newest = math.max(newest, tonumber(p.message))
        end
    end
    return newest, count
end

-- Version 0 is what the server started with; every push carries its version as its message. Gives the number of patches.
function h.whole(server, version, what)
    local state = server:ask("local m = require 'm' return (m.a()), m.b(), m.sub.c()")
    h.eq(state, ("%d\t%d\t%d"):format(version, version, version), what .. ": the functions")
    local newest, count = applied(server.pid)
    h.eq(newest, version, what .. ": the log")
    return count
end

function h.push_args(version, id, ...)
    h.write(("v%d.lua"):format(version), h.versioned(version))
    -- R20: the commit may take longer than the least slice
    return { "push", "--id", id, "--message", ("%04d"):format(version), "--format=json", "--accept", "R20",
        ("m=v%d.lua"):format(version), ... }
end

-- A push that nobody comes to in time: its report. Where the machine is so busy that it was not even sent in that time, it is
-- tried with more.
function h.late(version, id, pid)
    local seconds = 0.2
    return h.until_("a push is too late", function()
        local args = h.push_args(version, id, "--pid", pid, "--timeout", tostring(seconds))
        local r = h.run(args)
        seconds = seconds * 2
        if r.exit == 4 and r:json().error.text:find("nothing was sent", 1, true) then return nil end
        h.eq(r.exit, 6, "too late")
        return r:json()
    end)
end

-- A push that waits for its poll, with half of its time still to come, the id it went under, and its time in seconds. Where the
-- machine is so busy that half of the time went by before it was seen to wait, it is tried with more.
function h.waiting(s, version, id)
    local seconds = 3
    while true do
        local name, since = id .. seconds, h.socket.gettime()
        local b = h.spawn(h.push_args(version, name, "--pid", tostring(s.pid), "--timeout", tostring(seconds)))
        h.until_("it waits", function() return b.ended() or h.pending(s) == 1 end)
        if not b.ended() and h.socket.gettime() - since < seconds / 2 then return b, name, seconds end
        b.wait()
        seconds = seconds * 2
        h.ok(seconds < 100, "a machine that is not as busy as that")
    end
end

-- Slices so short that each does the least it can, and a heap that needs many of them.
function h.stepped(version)
    local s = h.server {
        modules = { m = h.versioned(version) },
        setup = "return { start = { name = 'e2e', max_pause_ms = 1e-3 }, modules = { 'm' }, poll = false }",
    }
    s:ask("hotpatch = require 'hotpatch' hotpatch.poll()")
    s:ask("heap = {} for i = 1, 20000 do heap[i] = { i } end")
    function s:slices(count)
        for _ = 1, count do h.eq(self:ask("return hotpatch.poll()"), "0", "polls of a push under way") end
    end
    function s:to_its_end()
        h.eq(self:ask("local n repeat n = hotpatch.poll() until n > 0 return n"), "1", "requests answered")
    end
    return s
end

-- ---- the relay --------------------------------------------------------------------------------------------------------------

local Relay = {}
Relay.__index = Relay
local relays = 0

function h.relay(server)
    relays = relays + 1
    local r = setmetatable({ dir = h.dir .. "/relay" .. relays }, Relay)
    os.execute("mkdir -p " .. h.quote(r.dir))
    local path = r.dir .. "/sock"
    h.process(("%s %s %s %s %s"):format(arg[-1] or "lua5.4", h.quote(folder .. "/relay.lua"), h.quote(path),
        h.quote(server.socket), h.quote(r.dir)))
    r.url = "ipc://" .. path
    h.until_("the relay listens", function() return h.exists(r.dir .. "/relay.ready") end)
    return r
end

-- "up N", "down N" (see relay.lua), "" for none: of the pushes to come.
function Relay:cut(where)
    os.remove(self.dir .. "/now")
    h.write(self.dir .. "/cut", where)
end
-- The pushes under way.
function Relay:now() h.write(self.dir .. "/now", "yes") end

-- What the client sent in its n-th push: greeting and frame.
function Relay:push(n)
    return h.until_("push " .. n .. " came", function() return h.read(self.dir .. "/push." .. n) end)
end

return h
