return {
    doc = "a function of somebody else may be a key, in a module that has no function of its own",
    load = function(t)
        local n = 0
        function outside() n = n + 1 return n end
        return require "m"
    end,
    expect = { fields = { added = "added" } },
    after = function(m, t)
        t.eq(m[outside], true, "the key")
        t.eq(m.added, 2, "the new field")
    end,
}
