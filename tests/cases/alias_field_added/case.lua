return {
    doc = "a new field for an unchanged function holds that very function",
    before = function(m, t) m.f() t.note.f = m.f end,
    expect = { status = "applied", warnings = {} },
    after = function(m, t)
        t.ok(m.f == t.note.f, "left alone")
        t.ok(m.compat == m.f, "the same function")
        t.ok(m.self == m, "the same module")
        t.eq(m.compat(), 2, "state")
    end,
}
