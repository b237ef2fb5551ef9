return {
    doc = "an earlier instance that begins to use a local which was not captured then: no value exists, R07",
    before = function(m, t) t.keep.f = m.make(5) end,
    expect = { status = "refused", refusals = { "R07" } },
    after = function(m, t) t.eq(t.keep.f(), 5, "untouched") end,
}
