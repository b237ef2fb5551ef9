return {
    doc = "three-way: where the program has the new value already there is nothing to move and no conflict",
    spec = { merge = "three-way" },
    before = function(m) m.xp = 2 end,
    expect = { functions = { f = "replaced" }, fields = {}, warnings = {} },
    after = function(m, t) t.eq(m.xp, 2, "value") end,
}
