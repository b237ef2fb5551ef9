return {
    doc = "--function PATH: that function alone, and everywhere it is held",
    spec = { functions = { "f" } },
    before = function(m, t) t.keep.f, t.keep.g = { m.f }, { m.g } end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq((t.keep.f[1]()), "new", "the one")
        t.eq((t.keep.g[1]()), "old", "not the other")
        t.eq((m.g()), "old", "not the other")
    end,
}
