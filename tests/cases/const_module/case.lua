return {
    doc = "constant locals that hold tables are cells like any other",
    before = function(m) m.f() end,
    expect = { functions = { f = "replaced", g = "added" }, joined = { "f^M", "f^state", "g^M", "g^state" } },
    after = function(m, t)
        local n, self = m.f()
        t.eq(n, 11, "state")
        t.ok(self == m, "module")
        t.ok(select(2, m.g()) == m.f, "module")
    end,
}
