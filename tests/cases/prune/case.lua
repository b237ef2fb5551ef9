return {
    doc = "with prune, functions and fields that the base had are removed; what the program put there is not",
    spec = { prune = true },
    before = function(m) m.extra = "live" m.sub.c = "live" m.sub.a = 10 end,
    expect = { functions = { new_api = "replaced", old_api = "removed" },
               fields = { limit = "removed", ["sub.b"] = "removed" } },
    after = function(m, t)
        t.eq(m.old_api, nil, "function")
        t.eq(m.limit, nil, "field")
        t.eq(m.sub.b, nil, "deeper field")
        t.eq(m.sub.a, 10, "kept")
        t.eq(m.sub.c, "live", "the program's")
        t.eq(m.extra, "live", "the program's")
    end,
    revert = function(m, t)
        t.eq(m.old_api(), "old", "function back")
        t.eq(m.limit, 5, "field back")
        t.eq(m.sub.b, 2, "deeper field back")
    end,
}
