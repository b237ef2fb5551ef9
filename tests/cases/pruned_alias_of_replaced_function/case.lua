return {
    doc = "--prune removes a second name of a function that is replaced",
    spec = { prune = true },
    expect = { functions = { f = "replaced", again = "removed" } },
    after = function(m, t)
        t.eq(m.f(), 2, "new code")
        t.eq(rawget(m, "again"), nil, "the alias")
    end,
    revert = function(m, t)
        t.eq(m.f(), 1, "old code")
        t.eq(m.again, m.f, "the alias")
    end,
}
