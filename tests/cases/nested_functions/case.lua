return {
    doc = "a factory whose inner function changed makes new closures from now on",
    before = function(m) m.counter(1) end,
    expect = { functions = { counter = "replaced" } },
    after = function(m, t)
        local c = m.counter(10)
        t.eq(c(), 12, "new closure")
        t.eq(m.made(), 2, "factory's own state")
    end,
}
