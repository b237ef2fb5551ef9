return {
    doc = "stripped code takes its names from a base that matches it",
    base = "client",
    load = function(t)
        package.loaded.m = load(string.dump(assert(load(t.text("old.lua"), "@m.lua")), true), "m", "b")("m")
        return package.loaded.m
    end,
    before = function(m) m.f() end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        local n, h = m.f()
        t.eq(n, 11, "state of n")
        t.eq(h, 106, "state of the helper")
    end,
}
