return {
    doc = "a body that never ends meets a limit",
    expect = { status = "limit" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
