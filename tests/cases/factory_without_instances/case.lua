return {
    doc = "the same edit where no instance lives is no problem",
    expect = { functions = { make = "replaced" }, refusals = {} },
    after = function(m, t) t.eq(m.make(5)(), 15, "new instances") end,
}
