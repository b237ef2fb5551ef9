return {
    doc = "a function of an earlier generation that is still held somewhere is found by a later push",
    spec = { refs = "module" },
    round = false,
    before = function(m, t) t.keep.held = m.f end,
    after = function(m, t)
        t.eq((t.keep.held()), "old", "left by the first push, which did not look")
        local report = t.push("local M = {}\nlocal n = 0\nfunction M.f() n = n + 1 return 'newer', n end\nreturn M\n")
        t.eq(report.status, "applied", "status")
        local version, n = t.keep.held()
        t.eq(version, "newer", "found by the second")
        t.eq(n, 2, "one state")
        t.eq(t.hotpatch.revert().status, "reverted", "revert")
    end,
}
