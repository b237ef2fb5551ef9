return {
    doc = "a function that takes other parameters than its callers pass is R05",
    expect = { functions = { give = "replaced", take = "replaced" }, warnings = { "R05 give" } },
    after = function(m, t) t.eq(m.give("a", 2, "b"), "a2b", "code") end,
}
