return {
    doc = "a foreign function gives way to one of the module's own, where the live value is still the base's",
    before = function(m, t) t.note.tostring = tostring end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.f(1), "<1>", "local")
        t.eq(m.len("ab"), 4, "field")
        t.ok(tostring == t.note.tostring and string.len("ab") == 2, "the library is untouched")
    end,
    revert = function(m, t)
        t.eq(m.f(1), "1", "local")
        t.ok(m.len == string.len, "field")
    end,
}
