return {
    doc = "prune removes what is gone from the new source, not the contents of tables that something gone led to",
    spec = { prune = true },
    expect = { functions = { gone = "removed" }, fields = { other = "removed" } },
    after = function(m, t)
        t.eq(m.gone, nil, "gone")
        t.eq(m.other, nil, "other")
        t.eq(m.t.a, 1, "a")
        t.eq(m.t.b, 2, "b")
        t.eq(type(SHARED), "table", "a global that the new source still has")
    end,
    revert = function(m, t) t.eq(m.other.inner, m.t, "back, the same table") end,
}
