return {
    doc = "with functions = { path } only that one changes: helpers that are new come along, changed ones stay",
    spec = { functions = { "a" } },
    before = function(m) m.a() end,
    expect = { status = "applied" },
    again = false,
    after = function(m, t)
        t.eq(m.a(), 20, "new a, new helper fresh, old helper")
        t.eq(m.b(), "b old", "left alone")
        t.eq(m.c, nil, "not added")
    end,
    revert = function(m, t) t.eq(m.a(), 3, "back") end,
}
