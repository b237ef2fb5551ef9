return {
    doc = "what the body registers is not registered again",
    before = function(m) require "bus".fire("login") end,
    expect = { functions = { logins = "replaced" }, effects = {}, warnings = {} },
    after = function(m, t)
        local bus = require "bus"
        t.eq(#bus.handlers, 2, "handlers")
        bus.fire("login")
        t.eq(m.logins(), 2, "counted once")
    end,
}
