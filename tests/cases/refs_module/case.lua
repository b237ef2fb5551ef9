return {
    doc = "refs = module is the short way: holders elsewhere keep the old function, on the shared state",
    spec = { refs = "module" },
    round = false,
    before = function(m, t) t.keep.held = m.f end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq((m.f()), "new", "module")
        local version, n = t.keep.held()
        t.eq(version, "old", "elsewhere")
        t.eq(n, 2, "one state")
        t.eq(t.report.searched, "module", "said")
    end,
}
