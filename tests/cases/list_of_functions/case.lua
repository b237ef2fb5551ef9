return {
    doc = "functions in a list are paired like any others",
    before = function(m) m.run(1) end,
    expect = { functions = { ["stages[1]"] = "replaced" } },
    after = function(m, t)
        t.eq(m.run(1), 22, "code")
        t.eq(m.log(), 4, "state")
    end,
    revert = function(m, t) t.eq(m.run(1), 4, "code") end,
}
