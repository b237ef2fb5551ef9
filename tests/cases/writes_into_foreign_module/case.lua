return {
    doc = "what the body writes into tables of other modules is a definition to be merged there",
    before = function(m, t) local core = require "core" core.registered = false t.note.ping = core.handlers.ping end,
    expect = { status = "applied" },
    after = function(m, t)
        local core = require "core"
        t.eq(core.handlers.login("x"), "IN x", "changed")
        t.eq(core.handlers.logout("x"), "OUT x", "added")
        t.eq(core.extra(), 2, "changed")
        t.eq(core.registered, false, "state")
        t.ok(core.handlers.ping == t.note.ping, "the other module's own")
    end,
    revert = function(m, t)
        local core = require "core"
        t.eq(core.handlers.login("x"), "in x", "back")
        t.eq(core.handlers.logout, nil, "gone")
    end,
}
