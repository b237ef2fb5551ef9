return {
    doc = "a helper that is new comes along with the function that uses it",
    expect = { functions = { greet = "replaced", ["greet^polite"] = "added" }, absent = { "greet^polite" }, joined = {} },
    after = function(m, t) t.eq(m.greet("ann"), "hello dear ann", "code") end,
    revert = function(m, t) t.eq(m.greet("ann"), "hello ann", "code") end,
}
