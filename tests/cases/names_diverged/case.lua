return {
    doc = "where the program has made two names of one table diverge, the diverged one is state",
    before = function(m, t) t.note.mine = { hp = 3 } m.current = t.note.mine end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.ok(m.current == t.note.mine, "the program's table")
        t.eq(m.current.mp, nil, "and nothing was put into it")
        t.eq(m.default.mp, 5, "the source's table got its new key")
    end,
}
