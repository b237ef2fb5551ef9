return {
    doc = "values of weak tables, keys of ephemeron tables, entries of wholly weak ones",
    before = function(m, t)
        t.keep.k = setmetatable({ [m.f] = "k", [m.g] = m.f }, { __mode = "k" })
        t.keep.v = setmetatable({ m.f, x = m.g }, { __mode = "v" })
        t.keep.kv = setmetatable({ [m.f] = m.g }, { __mode = "kv" })
    end,
    expect = { functions = { f = "replaced", g = "replaced" } },
    after = function(m, t)
        collectgarbage()
        local k = t.keep
        t.ok(k.k[m.f] == "k" and k.k[m.g] == m.f, "weak keys")
        t.ok(k.v[1] == m.f and k.v.x == m.g, "weak values")
        t.ok(k.kv[m.f] == m.g, "both")
        local count = 0
        for _, w in pairs(k) do for _ in pairs(w) do count = count + 1 end end
        t.eq(count, 5, "entries")
    end,
    revert = function(m, t) t.ok(t.keep.k[m.g] == m.f and t.keep.kv[m.f] == m.g, "back") end,
}
