return {
    doc = "a replaced function is replaced as a key too, and its value goes with it",
    before = function(m) m.names[m.f] = "changed at run time" end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(m.names[m.f], "changed at run time", "under the new key")
        t.eq(m.names[m.g], "g", "others")
        t.eq(m.names[m], "module", "others")
        local n = 0
        for _ in pairs(m.names) do n = n + 1 end
        t.eq(n, 3, "and not under the old one")
    end,
}
