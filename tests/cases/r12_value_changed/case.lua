return {
    doc = "changed first values are warned about and change nothing",
    expect = { status = "no_change", fields = { ["rates.xp"] = "kept" }, warnings = { "R12 rates.xp", "R12 tick^tick" } },
    after = function(m, t)
        t.eq(m.rates.xp, 1, "field")
        t.eq(m.tick(), 10, "local")
    end,
}
