return {
    doc = "a base that was named and is not what runs is refused",
    base = { client = "other.lua" },
    expect = { status = "refused", refusals = { "R16" } },
    after = function(m, t) t.eq(m.f(), 10, "old code") end,
}
