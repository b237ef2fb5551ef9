return {
    doc = "a new local is one, for all functions that use it: also those that share nothing else, and closures made earlier",
    before = function(m) m.f() m.g() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(select(2, m.f()), 1, "f")
        t.eq(select(2, m.g()), 2, "g")
        t.eq(m.h(), 3, "h")
        t.eq(select(2, m.made[1]()), 4, "made")
        t.ok(t.cell(m.f, "count") == t.cell(m.g, "count"), "one cell")
    end,
}
