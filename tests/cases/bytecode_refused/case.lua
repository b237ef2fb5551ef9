return {
    doc = "a precompiled chunk is refused: text only",
    spec = { source = string.dump(load "return { f = function() return 2 end }") },
    expect = { status = "refused" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
