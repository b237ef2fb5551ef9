return {
    doc = "comments and lines are not code: nothing to do",
    before = function(m, t) m.f() t.note.f = m.f end,
    expect = { status = "no_change", functions = {}, warnings = {} },
    after = function(m, t) t.ok(m.f == t.note.f, "left alone") end,
}
