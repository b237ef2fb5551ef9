-- Several servers at once: --to A --to B, --targets, canaries, batches, and an exit status for a part.
local h = dofile((arg[0]:match("^(.*)/[^/]*$") or ".") .. "/harness.lua")
h.test(function()
    local servers, lines = {}, { "# the fleet" }
    for i = 1, 4 do
        servers[i] = h.server { name = "s" .. i, modules = { m = h.module("one", 1) } }
        lines[#lines + 1] = ("ipc://%s/%d.sock  # %d"):format(h.rundir, servers[i].pid, i)
    end
    h.write("fleet", table.concat(lines, "\n") .. "\n")
    h.write("two.lua", h.module("two", 2))
    local file = h.dir .. "/fleet"
    local function names()
        local all = {}
        for i, s in ipairs(servers) do all[i] = s:ask "return require 'm'.name()" end
        return table.concat(all, " ")
    end

    local r = h.must(0, { "status", "--targets", file, "--format", "json" }):json()
    h.eq(r.status, "ok", "status of all")
    h.eq(#r.targets, 4, "all of them")
    h.eq(r.targets[2].report.agent.name, "s2", "in order")

    r = h.must(0, { "diff", "--targets", file, "m=two.lua" })
    h.has(r.out, "planned", "diff")
    h.has(r.out, "4 of 4 done", "diff")
    h.must(2, { "diff", "--exit-code", "--targets", file, "m=two.lua" })
    h.eq(names(), "one one one one", "a dry run")

    r = h.must(0, { "push", "--targets", file, "--canary", "1", "--batch", "50%", "--message", "--to all", "m=two.lua", "--format=json" }):json()
    h.eq(r.status, "applied", "applied on all")
    h.eq(r.targets[4].report.status, "applied", "the last")
    h.eq(names(), "two two two two", "on all")
    h.eq(h.report(0, { "log", "--pid", tostring(servers[3].pid) }).patches[1].message, "--to all", "the other options arrive")
    h.must(0, { "revert", "--targets", file })

    -- one that is down, as a canary: nobody else is tried
    local down = "ipc://" .. h.dir .. "/nobody.sock"
    h.write("sick", down .. "\n" .. table.concat(lines, "\n") .. "\n")
    r = h.must(4, { "push", "--targets", h.dir .. "/sick", "--canary", "1", "m=two.lua" })
    h.has(r.out, "4 not tried", "stopped at the canary")
    h.has(r.err, "1 of 5 targets failed", "said")
    h.eq(names(), "one one one one", "nobody else")

    -- batches of one: the second fails
    h.write("middle", lines[2] .. "\n" .. down .. "\n" .. lines[3] .. "\n" .. lines[4] .. "\n")
    r = h.must(7, { "push", "--targets", h.dir .. "/middle", "--batch", "1", "m=two.lua", "--format", "json" }):json()
    h.eq(r.status, "partial", "a part")
    h.eq(r.targets[1].status .. r.targets[2].status .. r.targets[3].status, "appliedunreachablenot_tried", "each")
    h.eq(r.targets[2].exit, 4, "its exit status")
    h.eq(names(), "two one one one", "the first alone")
    r = h.must(7, { "push", "--targets", h.dir .. "/middle", "--batch", "1", "--max-fail", "1", "m=two.lua" })
    h.has(r.out, "3 of 4 done, 1 failed", "allowed to fail")
    h.eq(names(), "two two two one", "the others")

    -- by --to; all alike; and what makes no sense
    local a, b = lines[2]:match("%S+"), lines[3]:match("%S+")
    r = h.must(3, { "push", "--to", a, "--to=" .. b, "nosuch=two.lua", "--format=json" }):json()
    h.eq(r.status, "refused", "all alike")
    h.must(0, { "status", "--to", a })
    h.has(h.must(64, { "push", "--to", a, "--to", b, "m=-" }).err, "standard input", "read once")
    h.has(h.must(64, { "eval", "--to", a, "--to", b, "-e", "return 1" }).err, "one server", "eval")
    h.has(h.must(64, { "push", "--to", a, "--canary", "1", "m=two.lua" }).err, "several targets", "canary")
    h.must(64, { "push", "--targets", h.dir .. "/nowhere", "m=two.lua" })
    h.must(64, { "push", "--targets", file, "--batch", "some", "m=two.lua" })
    h.write("nonsense", "here\n")
    h.has(h.must(64, { "push", "--targets", h.dir .. "/nonsense", "m=two.lua" }).err, "line 1 is no target", "where")
    h.write("bypid", ("pid:%d\nname:s2 state=main\n"):format(servers[1].pid))
    h.must(0, { "status", "--targets", h.dir .. "/bypid" })
    for _, s in ipairs(servers) do s:quit() end
end)
