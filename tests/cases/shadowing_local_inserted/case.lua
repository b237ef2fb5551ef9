return {
    doc = "a new local of an old name is another local: it must not be mixed up with the old one's value",
    before = function(m) m.a() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.a(), 3, "the old local")
        -- b's live twin has a local n; the new n is not that local, for a still has that one and is unchanged
        t.eq(m.b(), 500, "the new local")
    end,
}
