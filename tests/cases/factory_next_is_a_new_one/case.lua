return {
    doc = "the body's closure of a factory is gone: what the factory made for others is not taken for it, and shares the module",
    before = function(m, t)
        t.keep.a, t.keep.b = m.counter(1), m.counter(2)
        m.main = function() return "the server's" end
    end,
    expect = { status = "applied", warnings = { "R12 main" } },
    after = function(m, t)
        t.eq(t.keep.a(1), 2, "its own state")
        t.eq(t.keep.b(1), 3, "its own state")
        t.eq(m.main(1), 15, "a new one")
        t.eq(t.keep.a(1000), 0, "new code")
        t.ok(t.cell(t.keep.a, "M") == t.cell(t.keep.b, "M"), "one local for all")
        t.ok(t.cell(m.main, "M") == t.cell(t.keep.b, "M"), "one local for all")
    end,
    revert = function(m, t) t.eq(m.main(), "the server's", "back") end,
}
