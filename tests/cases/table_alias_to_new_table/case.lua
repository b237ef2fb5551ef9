return {
    doc = "a field that was another name of a local's table is one of a new table now: the local's keeps its contents",
    spec = { prune = true },
    expect = { functions = { ["rooms^rooms.open"] = "replaced", rooms = "unchanged" }, warnings = { "R12" } },
    after = function(m, t)
        t.eq(m.rooms().open(), "wide open", "the local's table is merged with what the local holds")
        t.eq(m.rooms().size, 3, "nothing is pruned")
        t.eq(m.rooms().doors, nil, "nothing of the other table is in it")
    end,
    revert = function(m, t) t.eq(m.rooms().open(), "open", "the old code") end,
}
