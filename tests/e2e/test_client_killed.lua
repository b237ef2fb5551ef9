-- However a client dies, the patch is wholly applied or not at all, and `log` tells which.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")

local function source(v)
    return ([[
local M = {}
local n = 0
function M.a() n = n + 1 return %d end
function M.b() return %d end
M.sub = { c = function() return %d end }
return M
]]):format(v, v, v)
end

h.test(function()
    local s = h.server { modules = { m = source(0) } }
    local pid = tostring(s.pid)

    local function consistent(what)
        s:ask("require 'hotpatch'.inspect 'm'") -- a request of its own lets what is under way end first
        local state = s:ask("local m = require 'm' return m.a(), m.b(), m.sub.c()")
        local a, b, c = state:match("(%d+)\t(%d+)\t(%d+)")
        h.ok(a == b and b == c, what .. ": one version, not " .. state)
        local newest = 0
        for _, p in ipairs(h.report(0, { "log", "--pid", pid }).patches or {}) do
            if p.status == "applied" then newest = math.max(newest, tonumber(p.message)) end
        end
        h.eq(tonumber(a), newest, what .. ": the log tells")
    end

    -- while its request waits
    h.write("new.lua", source(1))
    s:block()
    local b = h.spawn { "push", "--pid", pid, "--timeout", "60", "--message", "1", "m=new.lua" }
    h.until_("it waits", function() return h.pending(s) == 1 end)
    os.execute("kill -9 " .. b.child())
    s:release()
    h.until_("nothing waits", function() return h.pending(s) == 0 end)
    consistent("killed while waiting")

    -- at any moment
    for i = 2, 12 do
        h.write("new.lua", source(i))
        local c = h.spawn { "push", "--pid", pid, "--message", tostring(i), "m=new.lua" }
        h.sleep((i - 2) * 0.004) -- another moment each round
        local child = h.shell("pgrep -P " .. c.pid .. " -x hotpatch"):match("%d+")
        if child then os.execute("kill -9 " .. child .. " 2>/dev/null") end
        c.wait()
        h.until_("nothing waits", function() return h.pending(s) == 0 end)
        consistent("killed in round " .. i)
    end
    h.write("new.lua", source(99))
    h.eq(h.report(0, { "push", "--pid", pid, "--message", "99", "m=new.lua" }).status, "applied", "the agent goes on")
    consistent("at the end")
end)
