return {
    doc = "a field that had one of the module's tables and has another now follows the source; no contents are mixed",
    before = function(m) m.active.fire() end,
    expect = { functions = { ["red.fire"] = "replaced", ["blue.fire"] = "replaced" }, fields = { active = "updated" }, warnings = {} },
    after = function(m, t)
        t.ok(m.active == m.blue, "the live table of the other")
        t.eq(m.red.fire(), "RED", "each table its own function")
        t.eq(m.blue.fire(), "BLUE", "each table its own function")
        t.eq(m.red.hits, 2, "red")
        t.eq(m.blue.hits, 1, "blue")
    end,
    revert = function(m, t)
        t.ok(m.active == m.red, "back")
        t.eq(m.red.fire(), "red", "back")
        t.eq(m.blue.fire(), "blue", "back")
    end,
}
