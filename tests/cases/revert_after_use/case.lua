return {
    doc = "revert after further use: code goes back, state stays, what was added goes unless it was changed",
    before = function(m) m.open("hall") end,
    expect = { functions = { open = "replaced", opened = "added" }, fields = { limits = "added" } },
    after = function(m, t)
        t.eq(m.open("cellar"), 2, "new code")
        t.eq(m.rooms[2].limit, 100, "new code")
        m.limits = { rooms = 5 }
        m.opened = nil
    end,
    revert = function(m, t)
        t.eq(m.open("attic"), 3, "state")
        t.eq(m.rooms[3].limit, nil, "old code")
        t.eq(m.rooms[2].name, "cellar", "state")
        t.eq(m.limits.rooms, 5, "changed since: it is the program's now, and stays")
    end,
}
