return {
    doc = "one function in three slots becomes one new function in three slots",
    before = function(m) m.act() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.ok(m.act == m.perform and m.act == m.map.act, "one function")
        t.eq(m.perform(), 11, "code and state")
    end,
    revert = function(m, t)
        t.ok(m.act == m.perform and m.act == m.map.act, "one function")
        t.eq(m.map.act(), 12, "code and state")
    end,
}
