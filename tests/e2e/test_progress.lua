-- --progress: how a request is getting on, as lines on standard error; standard output has the report alone.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
local json = dofile(h.here .. "/json.lua")
h.test(function()
    -- It polls when it is told to, so a push is under way for as long as the test likes.
    local s = h.server {
        modules = { m = h.module("one") },
        setup = "return { start = { name = 'e2e', max_pause_ms = 1e-3 }, modules = { 'm' }, poll = false }",
    }
    local pid = tostring(s.pid)
    s:ask("hotpatch = require 'hotpatch' hotpatch.poll() heap = {} for i = 1, 20000 do heap[i] = { i } end")
    h.write("two.lua", h.module("two"))
    h.write("three.lua", h.module("three"))

    local function lines(b)
        local all = {}
        for line in (h.read(b.base .. ".err") or ""):gmatch "([^\n]*)\n" do all[#all + 1] = line end
        return all
    end
    -- The first one of its news that is so.
    local function news(b, what, so)
        return h.until_(what, function()
            for _, line in ipairs(lines(b)) do
                local p = json.decode(line).progress
                if so(p) then return p end
            end
        end)
    end
    local function push(file, ...)
        return h.spawn { "push", "--pid", pid, "--timeout", "60", "--accept", "R20", "m=" .. file, "--progress", ... }
    end
    local function to_its_end() s:ask("local n repeat n = hotpatch.poll() until n > 0") end

    local b = push("two.lua", "--format=json", "--id", "mine")
    news(b, "it was sent", function(p) return p.step == "sent" and p.id == "mine" and p.kind == "push" end)
    news(b, "it waits", function(p) return p.step == "waiting" and not p.phase end)
    s:ask("for _ = 1, 10 do hotpatch.poll() end")
    local p = news(b, "it runs", function(p) return p.step == "running" and p.slices > 0 end)
    h.ok(p.phase and p.pause_us > 0, "what it does, and the longest stop")
    to_its_end()
    local r = b.wait()
    h.eq(r.exit, 0, "push")
    h.eq(r:json().status, "applied", "standard output is the report")
    local before = -1
    for line in r.err:gmatch "[^\n]+" do
        p = json.decode(line).progress
        h.eq(p.id, "mine", "of this request")
        h.ok(p.elapsed_s >= before, "in order")
        before = p.elapsed_s
    end

    -- msgpack on standard output: the same on standard error
    b = push("two.lua", "--format=msgpack")
    news(b, "it was sent", function(x) return x.step == "sent" and #x.id == 32 end)
    to_its_end()
    h.eq(b.wait().exit, 0, "push")

    -- in words
    b = push("three.lua")
    h.until_("it waits, in words", function()
        return table.concat(lines(b), "\n"):find("push waits for a safe point, ", 1, true)
    end)
    to_its_end()
    r = b.wait()
    h.eq(r.exit, 0, "push")
    h.lacks(r.err, "\r", "lines, not one that is written over")

    -- no more than was asked for
    s:quit()
    s = h.server { modules = { m = h.module("one") } }
    pid = tostring(s.pid)
    h.eq(select(2, h.report(0, { "diff", "--pid", pid, "--accept", "R20", "m=two.lua" })).err, "", "without it")
    r = h.must(3, { "push", "--pid", pid, "nosuch=two.lua", "--progress", "--format=json" })
    h.eq(json.decode(r.err:match "^[^\n]+").progress.step, "sent", "news first")
    h.has(r.err, "}\nhotpatch: refused", "then the diagnosis")
    h.has(h.must(64, { "log", "--pid", pid, "--progress" }).err, "takes no --progress", "another command")

    -- several targets
    h.write("fleet", ("pid:%s\nipc://%s/nobody.sock\npid:%s\n"):format(pid, h.dir, pid))
    local fleet = { "push", "--targets", "fleet", "--batch", "1", "--accept", "R20", "m=two.lua", "--progress" }
    r = h.must(7, fleet)
    h.has(r.err, "push: pid:" .. pid .. ": begins\npush: pid:" .. pid .. ": applied\n", "in words")
    fleet[#fleet + 1] = "--format=json"
    r = h.must(7, fleet)
    h.eq(#r:json().targets, 3, "standard output is the summary")
    local steps = {}
    for line in r.err:gmatch "(%b{})\n" do
        p = json.decode(line).progress
        h.eq(p.targets, 3, "of how many")
        steps[#steps + 1] = ("%s %d %s"):format(p.step, p.ended, p.status or "-")
    end
    h.eq(table.concat(steps, ", "), "begun 0 -, ended 1 no_change, begun 1 -, ended 2 unreachable", "as they come")
    h.has(r.err, "}\nhotpatch: 1 of 3 targets failed", "then the diagnosis")
end)
