return {
    doc = "a local table that the new source shows in a field: the field gets the live table, not a new one",
    before = function(m) m.hit() m.hit() end,
    expect = { functions = {}, fields = { stats = "added" }, warnings = {} },
    after = function(m, t)
        t.ok(m.stats == t.upvalue(m.hit, "stats"), "the live table")
        t.eq(m.stats.hits, 2, "its state")
    end,
    revert = function(m, t)
        t.eq(m.stats, nil, "gone")
        t.eq(m.hit(), 3, "state")
    end,
}
