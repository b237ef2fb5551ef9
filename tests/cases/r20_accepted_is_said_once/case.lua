return {
    doc = "R20 accepted is one warning, though the stop is foretold before the search and after it",
    spec = { max_pause_ms = 0.0001, accept = { "R20" } },
    expect = { status = "applied", warnings = { "R20" } },
    after = function(m, t)
        t.eq(m.f(), "new", "code")
        t.eq(#t.report.warnings, 1, "warnings")
    end,
}
