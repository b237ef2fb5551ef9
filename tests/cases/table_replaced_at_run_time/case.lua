return {
    doc = "a table that the program put in another's place is entered as the live table: it gets new keys, and keeps its own",
    before = function(m, t) t.note.mine = { speed = 7 } m.config = t.note.mine end,
    expect = { fields = { ["config.colour"] = "added" } },
    after = function(m, t)
        t.ok(m.config == t.note.mine, "the program's table")
        t.eq(m.config.colour, "red", "new key")
        t.eq(m.config.size, nil, "what the base had and the live table lacks was left out by the program")
        t.eq(m.f(), 7, "state")
    end,
}
