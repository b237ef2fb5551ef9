return {
    doc = "a metatable that only the new source sets is set, with R10",
    before = function(m) m.scores.ann = 3 end,
    expect = { status = "applied", warnings = { "R10" } },
    after = function(m, t)
        t.eq(m.get("ann"), 3, "state")
        t.eq(m.get("bob"), 0, "metatable at work")
    end,
    revert = function(m, t)
        t.eq(m.get("bob"), nil, "taken off")
        t.eq(getmetatable(m.scores), nil, "taken off")
    end,
}
