return {
    doc = "locals of one name in nested and shadowing scopes are told apart",
    before = function(m) m.first() m.second() m.third() end,
    expect = { functions = { first = "replaced", second = "replaced", third = "replaced", fourth = "added", fifth = "added" },
               joined = { "first^n", "second^n", "third^n", "fourth^n", "fifth^n" }, absent = {} },
    after = function(m, t)
        t.eq(m.first(), 4, "first")
        t.eq(m.second(), 103, "second")
        t.eq(m.third(), 1003, "third")
        t.eq(m.fourth(), 1003, "fourth is the third's")
        t.eq(m.fifth(), 103, "fifth is the second's")
    end,
    revert = function(m, t)
        t.eq(m.first(), 5, "first")
        t.eq(m.second(), 104, "second")
        t.eq(m.third(), 1004, "third")
    end,
}
