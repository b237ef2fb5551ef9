return {
    doc = "hotpatch loaded after the module: the file on disk is the base",
    base = "disk",
    before = function(m) m.f() end,
    expect = { base = "disk", functions = { f = "replaced" }, warnings = { "R12 limit" } },
    after = function(m, t) t.eq(m.f(), 3, "code and state") end,
}
