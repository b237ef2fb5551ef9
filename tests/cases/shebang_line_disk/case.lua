return {
    doc = "the same with the base from the disk",
    base = "disk",
    expect = { base = "disk", functions = { f = "replaced" }, warnings = {} },
    after = function(m, t) t.eq(m.f(), 10, "code") end,
}
