return {
    doc = "a key that the base had and the program removed stays removed, even where its function changed in the source",
    before = function(m) m.handlers.chat = nil end,
    expect = { functions = { ["handlers.login"] = "replaced" } },
    after = function(m, t)
        t.eq(m.handlers.login(), 2, "changed")
        t.eq(m.handlers.chat, nil, "stays removed")
    end,
}
