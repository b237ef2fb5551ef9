return {
    doc = "a field that the source gave another of its tables, and the server a third: the server's stays, R12",
    before = function(m, t)
        t.keep.green = { fire = function() return "green" end }
        m.active = t.keep.green
    end,
    expect = { functions = { ["red.fire"] = "replaced", ["blue.fire"] = "replaced" }, warnings = { "R12 active" } },
    after = function(m, t) t.ok(m.active == t.keep.green, "state") end,
    revert = function(m, t) t.ok(m.active == t.keep.green, "state") end,
}
