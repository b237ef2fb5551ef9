-- A repeated id is answered with the first result, whether that is there already or still to come.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local s = h.server { modules = { m = h.module("one") } }
    local pid = tostring(s.pid)
    h.write("two.lua", h.module("two"))
    h.write("three.lua", h.module("three"))

    local first = h.report(0, { "push", "--pid", pid, "--id", "fix-17", "m=two.lua" })
    h.eq(first.id, "fix-17", "id")
    local second = h.report(0, { "push", "--pid", pid, "--id", "fix-17", "m=three.lua" })
    h.eq(second.status, "applied", "the first answer")
    h.eq(second.patch, first.patch, "its patch")
    h.eq(s:ask("return require 'm'.name()"), "two", "the second never ran")
    h.eq(#h.report(0, { "log", "--pid", pid }).patches, 1, "log")

    s:block()
    local a = h.spawn { "push", "--pid", pid, "--id", "fix-18", "--timeout", "60", "--format=json", "m=three.lua" }
    h.until_("the first waits", function() return h.pending(s) == 1 end)
    local b = h.spawn { "push", "--pid", pid, "--id", "fix-18", "--timeout", "60", "--format=json", "m=three.lua" }
    h.eq(h.pending(s), 1, "still one request")
    s:release()
    local ra, rb = a.wait(), b.wait()
    h.eq(ra.exit, 0, "first")
    h.eq(rb.exit, 0, "second")
    h.eq(ra:json().patch, rb:json().patch, "one patch")
    h.eq(s:ask("return require 'm'.name()"), "three", "code")
    h.eq(#h.report(0, { "log", "--pid", pid }).patches, 2, "log")
end)
