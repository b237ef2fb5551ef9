return {
    doc = "X = X or {} with functions defined upon it",
    before = function(m, t) Battle.tick() Battle.config.speed = 9 t.note.b = Battle end,
    expect = { functions = { ["Battle.tick"] = "replaced", ["Battle.reset"] = "added" } },
    after = function(m, t)
        t.ok(Battle == t.note.b, "the live table")
        t.eq(Battle.tick(), 3, "code and state")
        t.eq(Battle.config.speed, 9, "state")
        t.eq(type(Battle.seen), "table", "added")
        t.ok(Battle:who(), "method")
    end,
    revert = function(m, t)
        t.eq(Battle.reset, nil, "gone")
        t.eq(Battle.tick(), 4, "old code")
        Battle = nil
    end,
}
