return {
    doc = "a list is data: a longer one in the source is R12, and nothing is added to the live one",
    expect = { functions = { words = "replaced" }, warnings = { "R12" } },
    after = function(m, t) t.eq(m.words(), "red,green", "live list") end,
}
