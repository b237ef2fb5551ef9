return {
    doc = "a global that is gone is reported once, whatever the old source called it by",
    expect = { functions = { f = "replaced" }, warnings = { "R13 Registry", "R13 Registry.find", "R13 limit", "R13 lookup" } },
    after = function(m, t)
        t.eq(m.f(), 2, "new")
        t.eq(lookup(), 1, "stays")
        t.eq(limit, 3, "stays")
    end,
    revert = function(m, t) t.eq(m.f(), 1, "back") end,
}
