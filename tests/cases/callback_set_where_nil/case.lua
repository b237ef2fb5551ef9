return {
    doc = "a callback stored where the source has no first value is state",
    before = function(m) m.set(function() return "custom" end) end,
    expect = { functions = { kill = "replaced" }, joined = { "kill^on_kill" }, warnings = {} },
    after = function(m, t) t.eq(m.kill(), "custom", "kept") end,
}
