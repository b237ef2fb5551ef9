return {
    doc = "two functions that swapped places in the source do not swap bodies",
    before = function(m) m.run(1) end,
    expect = { functions = { ["run^a"] = "replaced", ["run^b"] = "replaced" } },
    after = function(m, t)
        t.eq(m.run(2), 11, "2 * 3 + 5")
        t.eq(m.log(), "baba", "one log")
        t.eq(m.steps[1]("x"), "s1x", "lists too")
    end,
}
