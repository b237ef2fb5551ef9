-- Two clients at once are served in the order in which their requests came.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { m = h.module("one") } }
    local pid = tostring(s.pid)
    h.write("two.lua", h.module("two"))
    h.write("three.lua", h.module("three"))
    s:ask("require 'm'.hit()")
    s:block()
    local a = h.spawn { "push", "--pid", pid, "--timeout", "60", "--format=json", "m=two.lua" }
    h.until_("the first waits", function() return h.pending(s) == 1 end)
    local b = h.spawn { "push", "--pid", pid, "--timeout", "60", "--format=json", "m=three.lua" }
    h.until_("both wait", function() return h.pending(s) == 2 end)
    s:release()
    local ra, rb = a.wait():json(), b.wait():json()
    h.eq(ra.status, "applied", "first")
    h.eq(rb.status, "applied", "second")
    h.eq(rb.patch, ra.patch + 1, "in order")
    h.eq(rb.modules[1].base, "pushed", "the second on top of the first")
    h.eq(s:ask("return require 'm'.name(), require 'm'.hit()"), "three\t2", "code and state")

    -- a crowd: nothing lost, nothing twice
    local crowd = {}
    for i = 1, 8 do
        h.write("v" .. i .. ".lua", h.module("v" .. i))
        crowd[i] = h.spawn { "push", "--pid", pid, "--timeout", "60", "--format=json", "m=v" .. i .. ".lua" }
    end
    local patches = {}
    for i = 1, 8 do
        local r = crowd[i].wait()
        h.eq(r.exit, 0, "client " .. i)
        patches[r:json().patch] = i
    end
    local last = 0
    for patch in pairs(patches) do last = math.max(last, patch) end
    h.eq(#h.report(0, { "log", "--pid", pid }).patches, 10, "log")
    h.eq(s:ask("return require 'm'.name()"), "v" .. patches[last], "the last one served is what runs")
end)
