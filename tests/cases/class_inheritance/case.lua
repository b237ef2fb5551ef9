return {
    doc = "methods of a base class and of a derived one",
    before = function(m, t) t.keep.o = m.new("x") t.note.base, t.note.derived = m.Base, m.Derived end,
    expect = { status = "applied", warnings = {} },
    after = function(m, t)
        t.eq(t.keep.o:shout(), "BASE of x!", "both, on an old object")
        t.ok(m.Base == t.note.base and m.Derived == t.note.derived, "class tables")
        t.ok(getmetatable(m.Derived).__index == m.Base, "inheritance")
    end,
}
