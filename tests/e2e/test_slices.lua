-- A push in slices: the server runs between them; the push can be withdrawn, its client can die, the agent can be stopped.
-- This server polls only when it is told to, so each slice is one step of the test.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local start = "{ name = 'e2e', max_pause_ms = 1e-3 }" -- so short that a slice does the least that it can
    local s = h.server {
        modules = { m = h.module("one") },
        setup = "return { start = " .. start .. ", modules = { 'm' }, poll = false }",
    }
    local pid = tostring(s.pid)
    s:ask("hotpatch = require 'hotpatch' hotpatch.poll()")
    s:ask("heap = {} for i = 1, 50000 do heap[i] = { i } end")

    local function slices(count)
        for _ = 1, count do h.eq(s:ask("return hotpatch.poll()"), "0", "polls of a push under way") end
    end
    local function to_its_end()
        h.eq(s:ask("local n repeat n = hotpatch.poll() until n > 0 return n"), "1", "requests answered")
    end
    -- A push of this version, with a few slices behind it.
    local function push_under_way(version, id)
        h.write(version .. ".lua", h.module(version))
        local b = h.spawn { "push", "--pid", pid, "--id", id, "--timeout", "60", "--format=json",
            "--accept", "R20", -- the commit is longer than such a slice
            "m=" .. version .. ".lua" }
        h.until_("it waits", function() return h.pending(s) == 1 end)
        slices(5)
        return b
    end
    local function patches() return #(h.report(0, { "log", "--pid", pid }).patches or {}) end
    local function name() return s:ask("return require 'm'.name()") end

    local b = push_under_way("two", "a")
    for i = 1, 5 do
        slices(1)
        h.eq(s:ask("heap[#heap + 1] = {} return require 'm'.hit()"), tostring(i), "the server runs, and counts")
    end
    h.eq(name(), "one", "nothing of it is in effect yet")
    h.eq(patches(), 0, "nor in the log")
    h.eq(h.report(0, { "status", "--pid", pid }).agent.pending or 0, 0, "it does not wait any more")
    local running = h.report(0, { "status", "--pid", pid }).running
    h.eq(running.kind, "push", "what is under way")
    h.eq(running.id, "a", "which")
    -- The polls in which the planner was at work without Lua are no slices, and on a slow machine these are many.
    h.ok(running.slices >= 1 and running.pause_us > 0 and running.phase, "how far it is")
    h.has(h.must(0, { "status", "--pid", pid }).out, "push, " .. running.phase, "in words")
    to_its_end()
    h.eq(h.report(0, { "status", "--pid", pid }).running, nil, "nothing is under way")
    local r = b.wait()
    h.eq(r.exit, 0, "push")
    h.ok(r:json().cost.slices > 10, "slices: " .. r:json().cost.slices)
    h.eq(name(), "two", "code")
    h.eq(s:ask("return require 'm'.hit()"), "6", "state")
    h.eq(s:ask("return hotpatch.poll()"), "0", "nothing is left to do")

    -- withdrawn: with no poll the client does not learn what came of it, but it has been withdrawn
    b = push_under_way("three", "b")
    os.execute("kill -INT " .. b.child())
    r = b.wait()
    h.eq(r.exit, 70, "interrupted")
    h.has(r.err, "asked to give it up", "its text")
    to_its_end()
    h.eq(name(), "two", "withdrawn")
    h.eq(patches(), 1, "log")
    r = h.report(6, { "push", "--pid", pid, "--id", "b", "m=three.lua" })
    h.has(r.error.text, "nothing changed", "what came of it")

    -- its client dies: it goes on
    b = push_under_way("four", "c")
    os.execute("kill -9 " .. b.child())
    b.wait()
    to_its_end()
    h.eq(name(), "four", "without its client")
    h.eq(h.report(0, { "push", "--pid", pid, "--id", "c", "m=four.lua" }).status, "applied", "its answer was kept")

    -- a patch of the program itself lets it end first
    b = push_under_way("five", "d")
    h.eq(s:ask("return hotpatch.verify { module = 'm', file = package.searchpath('m', package.path) }.status"), "differs",
        "verify from Lua")
    h.eq(s:ask("return hotpatch.diff { module = 'm', file = package.searchpath('m', package.path) }.status"), "planned", "diff")
    h.eq(b.wait().exit, 0, "push")
    h.eq(name(), "five", "code")

    -- the agent is stopped in the middle
    b = push_under_way("six", "e")
    s:ask("assert(hotpatch.stop())")
    r = b.wait()
    h.eq(r.exit, 4, "stopped")
    h.eq(r:json().status, "no_agent", "stopped")
    h.eq(name(), "five", "given up")
    s:ask("hotpatch.start " .. start .. " hotpatch.poll()")
    h.eq(patches(), 3, "log")

    -- the server dies in the middle
    b = push_under_way("six", "f")
    s:kill()
    r = b.wait()
    h.eq(r.exit, 70, "the server died")
    h.eq(r:json().status, "uncertain", "the server died")
end)
