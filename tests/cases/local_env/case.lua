return {
    doc = "local _ENV = {…} is a local like any other",
    before = function(m) m.touch() m.touch() end,
    expect = { functions = { show = "replaced", clear = "added" } },
    after = function(m, t)
        t.eq(m.show(), "new 2", "state")
        m.clear()
        t.eq(m.touch(), 1, "one environment")
        t.ok(t.upvalue(m.clear, "_ENV") == m, "the live environment")
    end,
}
