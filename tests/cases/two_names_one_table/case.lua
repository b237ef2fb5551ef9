return {
    doc = "a table under three names stays one table",
    expect = { functions = { held = "replaced" } },
    after = function(m, t)
        t.ok(m.list == m.alias and m.held() == m.list, "one table")
        t.eq(m.alias.y, 2, "with its new key")
    end,
}
