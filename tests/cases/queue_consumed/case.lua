return {
    doc = "consumed items of a list do not come back",
    before = function(m) m.pop() m.pop() end,
    expect = { functions = { pop = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.size(), 1, "size")
        local item, left = m.pop()
        t.eq(item, "c", "item")
        t.eq(left, 0, "left")
    end,
    revert = function(m, t) t.eq(m.size(), 0, "still empty") end,
}
