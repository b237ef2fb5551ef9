return {
    doc = "a handler table keeps its identity, what was added and what was removed at run time; changed ones change, new ones come",
    before = function(m, t)
        m.handlers.plugin = function() return "plugin" end
        m.handlers.chat = nil
        t.note.table = m.handlers
    end,
    expect = { functions = { ["handlers.login"] = "replaced", ["handlers.trade"] = "added" } },
    after = function(m, t)
        t.ok(m.handlers == t.note.table, "same table")
        t.eq(m.call("login", "ann"), "welcome ann", "changed")
        t.eq(m.call("trade", "ann"), "trades ann", "added")
        t.eq(m.call("plugin"), "plugin", "put there at run time")
        t.eq(m.call("chat", "ann"), nil, "removed at run time")
    end,
    revert = function(m, t)
        t.eq(m.call("login", "ann"), "in ann", "changed back")
        t.eq(m.call("trade", "ann"), nil, "taken out")
        t.eq(m.call("plugin"), "plugin", "still there")
    end,
}
