return {
    doc = "a handler whose event went away does not get the body of another event's handler, alike as they may be",
    expect = { status = "no_change", effects = { "new bus.on", "gone bus.on" } },
    after = function(m, t) t.eq(require "bus".handlers.tick(), "tick", "its own body") end,
}
