return {
    doc = "a function in a table in an upvalue, and its own upvalue: login^handlers.on_join^count",
    before = function(m) m.login("a") end,
    expect = { functions = { ["login^handlers.on_join"] = "replaced" }, joined = { "login^handlers.on_join^count" } },
    after = function(m, t) t.eq(m.login("b"), "b:2", "code and state") end,
}
