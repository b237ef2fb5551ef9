return {
    doc = "the base that the client sends",
    base = "client",
    before = function(m) m.f() end,
    expect = { base = "client", functions = { f = "replaced" }, warnings = { "R12 limit" } },
    after = function(m, t) t.eq(m.f(), 3, "code and state") end,
}
