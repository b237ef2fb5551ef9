return {
    doc = "a function that the program put into a field stays if the source of that field did not change",
    before = function(m, t) t.note.f = function() return 99 end m.rate = t.note.f end,
    expect = { functions = { other = "replaced" } },
    after = function(m, t)
        t.ok(m.rate == t.note.f, "the program's function")
        t.eq(m.other(), "new", "the other")
    end,
}
