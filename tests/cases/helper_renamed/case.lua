return {
    doc = "a helper under another name keeps its state",
    before = function(m) m.make() m.make() end,
    expect = { status = "applied" },
    after = function(m, t) t.eq(m.make().id, 3, "number goes on") end,
    revert = function(m, t) t.eq(m.make().id, 4, "and on") end,
}
