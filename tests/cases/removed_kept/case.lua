return {
    doc = "what the new source lacks stays and is reported",
    expect = { functions = { new_api = "replaced", old_api = "kept" }, fields = { limit = "kept" },
               warnings = { "R13 old_api", "R13 limit" } },
    after = function(m, t)
        t.eq(m.old_api(), "old", "function stays")
        t.eq(m.limit, 5, "field stays")
    end,
}
