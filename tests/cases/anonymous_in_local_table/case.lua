return {
    doc = "functions in tables in a list: the list is data, its functions are paired all the same",
    before = function(m) m.add("odd", function(x) return x % 2 == 1 end) end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.check(51), "ok", "changed")
        t.eq(m.check(50), "odd", "the program's own rule")
        t.eq(m.check(101), "max", "changed")
    end,
    revert = function(m, t) t.eq(m.check(51), "max", "back") end,
}
