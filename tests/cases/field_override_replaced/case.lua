return {
    doc = "a function that the program put into a field gives way, with a warning, where the source changed that field",
    before = function(m, t) t.note.f = function() return 99 end m.rate = t.note.f end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.rate(), 2, "the new source wins")
        t.ok(#t.report.warnings > 0, "with a warning")
        t.eq(t.report.warnings[1].path, "rate", "which names the field")
    end,
    revert = function(m, t) t.ok(m.rate == t.note.f or m.rate() == 99, "the program's function is back") end,
}
