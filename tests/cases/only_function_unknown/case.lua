return {
    doc = "a function to patch that the new source does not define is refused, not ignored",
    spec = { functions = { "aa" } },
    expect = { status = "refused" },
    after = function(m, t) t.eq(m.a(), 1, "nothing changed") end,
}
