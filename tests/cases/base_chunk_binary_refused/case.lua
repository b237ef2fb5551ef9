return {
    doc = "a base that is no Lua at all: nothing changes",
    spec = { base = "this is no Lua" },
    expect = { status = "refused|load_failed" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
