return {
    doc = "a new function that stands in a local, in a new list and in a new field is one function",
    before = function(m) m.level = 5 end,
    expect = { fields = { levels = "added" } },
    after = function(m, t)
        t.eq(m.f(), 10, "code and state")
        t.ok(m.levels[1] == m.levels.extra and m.levels[1] == t.upvalue(m.f, "lvl"), "one function")
        t.ok(t.upvalue(m.levels[1], "M") == m, "joined to the live module")
    end,
}
