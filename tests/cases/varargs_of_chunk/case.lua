return {
    doc = "the chunk's arguments are those of require",
    expect = { functions = { f = "replaced" }, fields = { where = "added" }, warnings = {} },
    after = function(m, t)
        t.eq(m.f(), "m!", "name")
        t.eq(m.where, "file", "path")
    end,
}
