return {
    doc = "anonymous handlers are paired by the call that they were passed to, not by their place in the source",
    before = function(m, t) t.eq(require "bus".fire("login", "a"), "in a1 second", "before") end,
    expect = { effects = { "new bus.on" }, warnings = { "R11" } },
    after = function(m, t)
        local bus = require "bus"
        t.eq(bus.fire("login", "b"), "IN b2 SECOND", "both login handlers")
        t.eq(bus.fire("logout", "b"), "OUT b1", "the logout handler")
        t.eq(bus.fire("tick"), "", "the new one was not registered")
        t.eq(#bus.handlers, 3, "three")
    end,
    revert = function(m, t) t.eq(require "bus".fire("logout", "b"), "out b0", "back") end,
}
