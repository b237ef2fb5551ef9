return {
    doc = "three-way: a value that source and program both changed stays, and is reported as a conflict",
    spec = { merge = "three-way" },
    before = function(m) m.xp = 5 end,
    expect = { status = "applied", functions = { f = "replaced" }, fields = { xp = "conflict", gold = "updated" } },
    after = function(m, t)
        t.eq(m.xp, 5, "kept")
        t.eq(m.gold, 2, "moved")
        t.eq(m.f(), 2, "code")
    end,
}
