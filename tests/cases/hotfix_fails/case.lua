return {
    doc = "an error in __hotfix rolls the whole patch back",
    before = function(m) m.f() end,
    expect = { status = "rolled_back", error = "migration failed" },
    after = function(m, t)
        local n, helper = m.f()
        t.eq(n, 2, "old code")
        t.eq(helper, "old helper", "old helper")
        t.eq(m.g, nil, "nothing added")
        t.eq(m.extra, nil, "nothing added")
        t.ok(t.report.error.traceback, "traceback")
        t.eq(#(t.hotpatch.log().patches or {}), 0, "no patch in the log that is in force")
    end,
}
