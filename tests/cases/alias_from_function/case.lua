return {
    doc = "a function of the module gives way to a foreign one",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.f(1), "1", "local")
        t.ok(m.len == string.len, "field")
    end,
    revert = function(m, t)
        t.eq(m.f(1), "<1>", "local")
        t.eq(m.len("ab"), 4, "field")
    end,
}
