return {
    doc = "three-way: values that the source changed and the program did not are moved",
    spec = { merge = "three-way" },
    before = function(m) m.rates.gold = 7 end,
    expect = { fields = { ["rates.xp"] = "updated", motd = "updated", ["tick^tick"] = "updated" }, warnings = {} },
    after = function(m, t)
        t.eq(m.rates.xp, 2, "field")
        t.eq(m.rates.gold, 7, "untouched by the source: state")
        t.eq(m.motd, "hello", "field")
        t.eq(m.tick(), 20, "local")
    end,
    revert = function(m, t)
        t.eq(m.rates.xp, 1, "field")
        t.eq(m.tick(), 10, "local")
    end,
}
