return {
    doc = "an effect that raises rolls the patch back",
    spec = { effects = "new" },
    expect = { status = "rolled_back", error = "no such event: bad" },
    after = function(m, t)
        t.eq(m.f(), 1, "old code")
        t.eq(m.extra, nil, "taken out")
    end,
}
