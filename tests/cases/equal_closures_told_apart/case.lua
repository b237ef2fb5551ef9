return {
    doc = "two closures of one code, of which only a handler that was handed over leads to the one: each stays itself",
    before = function(m, t)
        local bus = require "bus"
        t.note.first = t.upvalue(bus.handlers[1].call, "first")
        m.use = function() return "the server's" end
    end,
    expect = { status = "applied" },
    after = function(m, t)
        local bus = require "bus"
        t.eq(bus.fire("event"), "made2", "new handler")
        t.ok(t.upvalue(bus.handlers[1].call, "first") == t.note.first, "the closure of the handler")
    end,
}
