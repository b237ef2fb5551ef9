return {
    doc = "an error in the middle of the body: nothing changed, with line, source line and traceback",
    expect = { status = "load_failed", error = "no luck", line = 5, source_line = 'error("no " .. x)' },
    after = function(m, t)
        t.eq(m.f(), 1, "old code")
        t.eq(m.added, nil, "nothing added")
        t.ok(tostring(t.report.error.traceback):find("setup", 1, true), "the traceback names the chunk's function")
    end,
}
