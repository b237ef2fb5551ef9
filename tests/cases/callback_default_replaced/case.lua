return {
    doc = "a default callback that nobody replaced is an ordinary function of the module",
    expect = { functions = { ["set^on_kill|kill^on_kill"] = "replaced" }, warnings = {} },
    after = function(m, t) t.eq(m.kill(), "new default", "code") end,
}
