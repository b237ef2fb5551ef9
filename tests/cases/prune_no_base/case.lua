return {
    doc = "without a base nothing is known to have been the source's, so prune removes nothing",
    base = "none",
    spec = { prune = true },
    expect = { functions = { f = "replaced" }, fields = {}, warnings = { "R03" } },
    after = function(m, t)
        t.eq(m.old_api(), "old", "kept")
        t.eq(m.limit, 5, "kept")
    end,
}
