return {
    doc = "an error object that is no text gives a readable sentence all the same",
    expect = { status = "load_failed" },
    after = function(m, t)
        t.eq(m.f(), 1, "old code")
        t.ok(type(t.report.error.text) == "string" and #t.report.error.text > 0, "text")
    end,
}
