return {
    doc = "a base that is precompiled or no Lua at all is not the base: R16",
    spec = { base = "this is no Lua" },
    expect = { status = "refused", refusals = { "R16" } },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
