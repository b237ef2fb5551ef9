return {
    doc = "a field that had a helper and gets a factory's closure, which lives: the field alone changes, and comes back alone",
    before = function(m, t) t.note.made = t.upvalue(m.use, "made") end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.use(1), "made", "what the source says")
        t.ok(m.use == t.note.made, "the one that lives")
    end,
    revert = function(m, t)
        t.eq(m.use(0), "helper", "back")
        t.eq(m.use(1), "made", "which calls what it called")
    end,
}
