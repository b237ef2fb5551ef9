return {
    doc = "a __hotfix that never returns is stopped, and the patch rolled back",
    expect = { status = "rolled_back" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
