return {
    doc = "a value of another kind takes the slot, with a warning, where the live one was never touched",
    expect = { functions = { join = "replaced", count = "replaced" }, warnings = { "R04", "R04" } },
    after = function(m, t)
        m.join("ann")
        m.join("bob")
        t.eq(m.count(), 2, "new shape")
        t.eq(m.mode.name, "simple", "field")
    end,
}
