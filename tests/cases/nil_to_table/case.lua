return {
    doc = "a local without a first value that gets a table, untouched, takes it",
    expect = { functions = { get = "replaced" }, joined = { "get^cache" }, warnings = { "R04" } },
    after = function(m, t) t.eq(m.get("x"), "x", "works") end,
}
