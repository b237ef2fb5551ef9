return {
    doc = "a module that is a read-only proxy is patched behind its proxy",
    before = function(m) m.count() end,
    expect = { functions = { ["@mt.__index.count"] = "replaced", ["@mt.__index.peek"] = "added" } },
    after = function(m, t)
        t.eq(m.count(), 11, "code and state")
        t.eq(m.peek(), 11, "added")
        t.eq(next(m), nil, "the proxy itself stayed empty")
    end,
}
