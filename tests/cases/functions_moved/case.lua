return {
    doc = "functions and locals in another order keep their own state",
    before = function(m) m.one() m.two() m.two() end,
    expect = { functions = { one = "replaced", two = "replaced", three = "replaced" }, absent = {} },
    after = function(m, t)
        t.eq(m.three(), 33, "sum")
        t.eq(m.one(), 13, "a")
        t.eq(m.two(), 24, "b")
    end,
}
