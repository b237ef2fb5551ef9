return {
    doc = "hooks, and effects that are performed; none of them changes the program, so that a failure in one leaves it as it was",
    spec = { effects = "new" },
    before = function(m) m.put("a", 1) end,
    after = function(m, t)
        t.eq(m.put("b", 2), 20, "new code")
        t.eq(m.count(), 2, "state")
        t.eq(m.added(3), 36, "a new function over a new local")
    end,
}
