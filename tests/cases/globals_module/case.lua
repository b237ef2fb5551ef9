return {
    doc = "a chunk that returns nothing: the globals that it assigns are the module",
    before = function(m, t) join("ann") t.note.players = players max_players = 15 end,
    expect = { functions = { join = "replaced", leave = "added" }, warnings = { "R12 max_players" } },
    after = function(m, t)
        t.ok(players == t.note.players, "the live table")
        t.eq(max_players, 15, "kept")
        join("bob")
        t.eq(count(), 2, "state")
        leave("ann")
        t.eq(count(), 1, "added function")
    end,
    revert = function(m, t)
        t.eq(leave, nil, "gone")
        t.eq(count(), 1, "state")
    end,
}
