return {
    doc = "strict with the one code accepted that was read",
    spec = { strict = true, accept = { "R12" } },
    expect = { functions = { f = "replaced" }, warnings = { "R12 limit" } },
    after = function(m, t) t.eq(m.f(), 2, "code") end,
}
