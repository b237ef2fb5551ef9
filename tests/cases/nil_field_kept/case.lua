return {
    doc = "a field that the program removed stays removed",
    before = function(m) m.motd = nil end,
    expect = { functions = { show = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.motd, nil, "field")
        t.eq(m.show(), "nothing to say", "code")
    end,
}
