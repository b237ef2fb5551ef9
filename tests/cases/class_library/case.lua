return {
    doc = "a class made by a library (a foreign call that is not made again): methods are merged into the live class",
    before = function(m, t) t.keep.a = m(10) end,
    expect = { functions = { deposit = "replaced", withdraw = "added" }, warnings = {} },
    after = function(m, t)
        t.eq(#m.registered, 1, "the class was not made twice")
        t.eq(t.keep.a:deposit(5), 15, "old object")
        t.ok(not pcall(t.keep.a.deposit, t.keep.a, -1), "new code")
        t.eq(t.keep.a:withdraw(1), 14, "new method")
    end,
    revert = function(m, t) t.eq(t.keep.a.withdraw, nil, "gone") end,
}
