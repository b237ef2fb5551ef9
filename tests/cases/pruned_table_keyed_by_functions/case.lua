return {
    doc = "a revert puts a pruned table back with the old functions in it, as values and as keys, though no search could see it",
    spec = { prune = true },
    expect = { functions = { f = "replaced" }, fields = { names = "removed" } },
    after = function(m, t) t.eq(rawget(m, "names"), nil, "the table") end,
    revert = function(m, t)
        t.eq(m.names.first, m.f, "as a value")
        t.eq(m.names[m.f], "f", "as a key")
    end,
}
