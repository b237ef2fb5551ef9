return {
    doc = "a C closure that the body makes as a first value cannot be carried over: R09",
    expect = { status = "refused", refusals = { "R09" } },
    after = function(m, t) t.eq(m.f(), 0, "old code") end,
}
