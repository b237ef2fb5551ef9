return {
    doc = "a point fix may give a plain value: it was asked for, so it is set",
    target = "m.limits.players",
    expect = { status = "applied" },
    after = function(m, t) t.eq(m.f(), 25, "value") end,
    revert = function(m, t) t.eq(m.f(), 10, "value") end,
}
