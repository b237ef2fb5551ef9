return {
    doc = "a helper renamed and changed at once still finds its local through its sibling",
    before = function(m) m.make() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.make(), 106, "state and new code")
        t.eq(m.last(), 106, "one cell")
    end,
}
