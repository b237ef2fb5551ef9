return {
    doc = "expect_version that does not hold refuses",
    spec = { expect_version = "1.1" },
    expect = { status = "refused" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
