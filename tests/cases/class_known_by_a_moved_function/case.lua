return {
    doc = "a class that the module has lost but for one of its functions, which the program put into a helper's place: it is merged all the same",
    spec = { prune = true },
    before = function(m, t)
        t.keep.room = m.Room.new(3)
        debug.setupvalue(m.help, 1, m.Room.new)
        m.Room = nil
    end,
    expect = { functions = { ["Room.new^Room.grow"] = "removed" } },
    after = function(m, t)
        t.eq(t.keep.room.grow, nil, "gone from the source, and pruned")
        t.eq(m.help(7).size, 7, "what the program put into the helper's place")
    end,
    revert = function(m, t) t.eq(t.keep.room:grow(), 4, "as it was") end,
}
