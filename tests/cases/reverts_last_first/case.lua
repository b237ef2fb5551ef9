return {
    doc = "three patches, reverted last first; then the one named, with those after it",
    expect = { functions = { f = "replaced", two = "added" } },
    after = function(m, t)
        local first = t.report.patch
        local v3 = "local M = {} local n = 0 function M.f() n = n + 1 return 'v3', n end function M.two() return 22 end " ..
            "function M.three() return 3 end return M"
        local v4 = "local M = {} local n = 0 function M.f() n = n + 1 return 'v4', n end function M.two() return 222 end " ..
            "function M.three() return 33 end return M"
        t.eq(t.push(v3).status, "applied", "v3")
        t.eq(t.push(v4).status, "applied", "v4")
        t.eq(m.f(), "v4", "v4")
        t.eq(m.three(), 33, "v4")
        t.eq(t.hotpatch.revert().status, "reverted", "v4 off")
        t.eq(m.f(), "v3", "v3")
        t.eq(m.two() .. "," .. m.three(), "22,3", "v3")
        local report = t.push(v4)
        t.eq(report.status, "applied", "v4 again")
        t.eq(report.modules[1].base, "pushed", "on v3")
        local third = report.patch
        t.ok(third > first, "patch numbers grow")
        -- all down to v3's patch: v4 and v3 go
        local log = t.hotpatch.log().patches
        local v3_patch
        for _, p in ipairs(log) do
            if p.status == "applied" and p.patch < third and (v3_patch == nil or p.patch > v3_patch) then v3_patch = p.patch end
        end
        t.eq(t.hotpatch.revert(v3_patch).status, "reverted", "down to v3's patch")
        local version, n = m.f()
        t.eq(version, "v2", "v2")
        t.eq(n, 3, "state through all of it")
        t.eq(m.three, nil, "added by v3")
        t.eq(m.two(), 2, "v2's")
    end,
    revert = function(m, t)
        local version, n = m.f()
        t.eq(version, "v1", "v1")
        t.eq(n, 4, "state")
        t.eq(m.two, nil, "gone")
        t.eq(t.hotpatch.revert().status, "refused", "nothing left to revert")
    end,
}
