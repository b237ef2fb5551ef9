return {
    doc = "a recursive local function ends up calling its new self",
    before = function(m) m.fact(3) end,
    expect = { functions = { fact = "replaced" } },
    after = function(m, t)
        t.eq(m.fact(4), 24, "value")
        t.eq(m.depth(), 3 + 5, "five new calls: the inner ones are new too")
        t.ok(t.upvalue(m.fact, "fact") == m.fact, "its own upvalue")
    end,
    revert = function(m, t)
        m.fact(4)
        t.eq(m.depth(), 12, "four old calls")
        t.ok(t.upvalue(m.fact, "fact") == m.fact, "its own upvalue")
    end,
}
