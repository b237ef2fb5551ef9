return {
    doc = "tables whose metamethods raise are read and written raw",
    before = function(m) rawset(m.guarded, "n", 5) end,
    expect = { functions = { n = "replaced", new = "added" }, fields = { ["guarded.added"] = "added" } },
    after = function(m, t)
        t.eq(m.n(), 105, "code and state")
        t.eq(m.new(), 2, "added below a raising __newindex")
    end,
}
