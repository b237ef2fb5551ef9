return {
    doc = "without a base `current` gets the new code, which is that of a function that lives on: a revert leaves that one alone",
    base = "none",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.current(), 2, "current")
    end,
    revert = function(m, t)
        t.eq(m.current(), 1, "back")
        t.eq(m.other(), 2, "the other was none of the patch's")
        local a, b = m.both()
        t.eq(a, 1, "one")
        t.eq(b, 2, "two")
    end,
}
