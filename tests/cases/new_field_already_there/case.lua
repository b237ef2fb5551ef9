return {
    doc = "a new field that the program has put there by itself already is the program's",
    before = function(m, t) m.limit = 99 m.cache = { x = 1 } t.note.cache = m.cache end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(m.limit, 99, "kept")
        t.ok(m.cache == t.note.cache and m.cache.x == 1, "kept, with its identity")
    end,
}
