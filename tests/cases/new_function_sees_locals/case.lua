return {
    doc = "a new function sees existing locals",
    before = function(m) m.earn(50) end,
    expect = { functions = { spend = "added" }, joined = { "spend^gold" }, absent = {}, warnings = {} },
    after = function(m, t)
        t.eq(m.spend(20), 30, "state")
        m.earn(1)
        t.eq(m.spend(0), 31, "shared")
    end,
    revert = function(m, t) t.eq(m.spend, nil, "gone") end,
}
