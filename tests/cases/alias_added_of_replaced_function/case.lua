return {
    doc = "a revert removes a field that the patch added, also where it holds a function that is put back",
    expect = { functions = { f = "replaced" } },
    after = function(m, t) t.eq(m.again, m.f, "the alias") end,
    revert = function(m, t)
        t.eq(m.f(), 1, "old code")
        t.eq(rawget(m, "again"), nil, "the alias")
    end,
}
