return {
    doc = "a weak table keeps its entries, and is not made strong",
    before = function(m, t) t.keep.key = {} m.put(t.keep.key, "v") m.put({}, "gone") end,
    expect = { functions = { get = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.get(t.keep.key), "v", "entry")
        m.put({}, "short-lived")
        collectgarbage()
        local n = 0
        for _ in pairs(t.upvalue(m.get, "cache")) do n = n + 1 end
        t.eq(n, 1, "still weak")
    end,
}
