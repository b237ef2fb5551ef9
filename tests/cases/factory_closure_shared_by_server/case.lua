return {
    doc = "one closure of a factory that the server put into the places of others of its code: it stays one, and keeps its state",
    before = function(m) m.a() m.b = m.a debug.setupvalue(m.c, 1, m.a) end,
    after = function(m, t)
        t.ok(rawequal(m.a, m.b), "one closure in the two fields")
        t.eq(m.a(), 13, "the new code, the old state")
        t.eq(m.b(), 15, "the same state")
        t.eq(m.c(), 17, "in the local too")
    end,
    revert = function(m, t)
        t.eq(m.a(), 18, "the old code")
        t.eq(m.b(), 19, "the same state")
        t.eq(m.c(), 20, "in the local too")
    end,
}
