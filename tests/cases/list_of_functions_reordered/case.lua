return {
    doc = "a list that the program reordered keeps its order, and its functions are still found",
    before = function(m) m.stages[1], m.stages[2] = m.stages[2], m.stages[1] end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.stages[1](5), 10, "the doubling is still first")
        t.eq(m.run(1), 12, "1 * 2 + 10")
    end,
}
