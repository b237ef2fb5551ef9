return {
    doc = "inserting functions crosses nothing and leaves the others alone",
    before = function(m, t) m.one() m.two() t.note.one, t.note.two = m.one, m.two end,
    expect = { functions = { zero = "added", half = "added" }, joined = { "half^a" }, warnings = {} },
    after = function(m, t)
        t.ok(m.one == t.note.one and m.two == t.note.two, "unchanged functions were left alone")
        t.eq(m.zero(), "zero", "zero")
        t.eq(select(2, m.half()), 101, "half")
        t.eq(select(2, m.two()), 2, "two")
    end,
}
