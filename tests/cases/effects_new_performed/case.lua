return {
    doc = "effects = new performs what is new, with functions that share the module's locals",
    spec = { effects = "new" },
    before = function(m) local bus = require "bus" bus.fire("login") bus.fire("login") end,
    expect = { effects = { "new bus.on performed" }, status = "applied" },
    after = function(m, t)
        local bus = require "bus"
        t.eq(#bus.handlers, 2, "one more handler, once")
        bus.fire("logout")
        t.eq(m.n(), 1, "on the module's own state")
    end,
    revert = false,
}
