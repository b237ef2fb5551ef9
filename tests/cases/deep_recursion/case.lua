return {
    doc = "a body that recurses without end fails the load",
    expect = { status = "load_failed", error = "stack overflow" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
