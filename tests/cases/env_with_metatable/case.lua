return {
    doc = "an environment of its own with the globals behind it",
    before = function(m) m.add() end,
    expect = { functions = { add = "replaced", get = "added" }, warnings = {} },
    after = function(m, t)
        t.eq(m.add(), "2number", "state and globals")
        t.eq(m.get(), 2, "added")
        t.eq(rawget(_G, "count"), nil, "nothing went into the globals")
    end,
}
