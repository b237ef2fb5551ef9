return {
    doc = "replaced, added, joined, absent and kept, all in one report",
    before = function(m) for _ = 1, 4 do m.increment() end end,
    expect = { functions = { increment = "replaced", set_limit = "added" },
               joined = { "increment^count", "increment^step" }, absent = { "increment^limit", "set_limit^limit" },
               fields = { VERSION = "kept" }, warnings = { "R12 VERSION" } },
    after = function(m, t)
        t.eq(m.increment(), 5, "state kept")
        t.eq(m.increment(), 5, "new limit at work")
        m.set_limit(7)
        t.eq(m.increment(), 6, "the new functions share their new cell")
        t.eq(m.VERSION, "1.0", "plain field kept")
        t.eq(t.cell(m.increment, "limit"), t.cell(m.set_limit, "limit"), "one cell")
    end,
    revert = function(m, t)
        t.eq(m.set_limit, nil, "what was added is gone")
        t.eq(m.increment(), 7, "state kept on")
        t.eq(m.increment(), 8, "without a limit")
    end,
}
