return {
    doc = "a chain of two hundred thousand tables as a first value: no recursion over data",
    again = false,
    round = false,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(m.f(), 200000, "all of it")
        t.eq(m.list.next.i, 199999, "in order")
    end,
}
