return {
    doc = "compile-time constants are code; to-be-closed variables work in new functions",
    before = function(m) m.f(1) end,
    expect = { functions = { f = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.f(5), 15, "constant")
        t.eq(m.closed(), 11, "close, state")
    end,
}
