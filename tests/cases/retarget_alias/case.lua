return {
    doc = "a field that was one of the module's functions and is another now: the field alone changes",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.current(), 2, "current")
        t.ok(m.current == m.other, "the function that lives")
        local a, b = m.both()
        t.eq(a, 1, "the helper is what it was")
        t.eq(b, 2, "two")
    end,
    revert = function(m, t)
        t.eq(m.current(), 1, "back")
        t.eq(m.other(), 2, "the other stays")
    end,
}
