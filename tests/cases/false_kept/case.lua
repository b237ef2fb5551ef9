return {
    doc = "false is a value like any other: it stays, in locals and in fields",
    before = function(m) m.disable() m.verbose = false end,
    expect = { functions = { state = "replaced" }, warnings = {} },
    after = function(m, t)
        local enabled, version = m.state()
        t.eq(enabled, false, "local")
        t.eq(version, "new", "code")
        t.eq(m.verbose, false, "field")
    end,
}
