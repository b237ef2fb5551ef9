return {
    doc = "local M = package.loaded[...] or {}: writes into the live module are definitions like any other",
    before = function(m) m.f() end,
    expect = { functions = { f = "replaced", g = "added" } },
    after = function(m, t)
        local n, name = m.f()
        t.eq(n, 11, "code and state")
        t.eq(name, "m", "the chunk's argument")
        t.eq(m.g(), 11, "added")
        t.ok(package.loaded.m == m, "the same module")
    end,
    revert = function(m, t) t.eq(m.g, nil, "gone") end,
}
