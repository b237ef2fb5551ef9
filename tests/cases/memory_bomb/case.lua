return {
    doc = "a body that eats memory meets a limit, and the server's own memory is safe",
    expect = { status = "limit" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
