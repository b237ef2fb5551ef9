return {
    doc = "helpers that nothing uses any more, one changed and one renamed, hold nothing up",
    before = function(m) m.f() end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(m.f(), 7, "code")
        t.eq(m.n(), 1, "state")
    end,
    revert = function(m, t) t.eq(m.f(), 2, "the old helpers") end,
}
