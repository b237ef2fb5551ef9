return {
    doc = "with R07 accepted it starts as nil",
    target = "m.f",
    spec = { accept = { "R07" } },
    expect = { status = "applied", warnings = { "R07" } },
    after = function(m, t) t.eq(m.f(), "nil", "code") end,
}
