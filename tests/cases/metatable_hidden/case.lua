return {
    doc = "a metatable that hides itself is entered all the same",
    expect = { functions = { ["vault@mt.__index"] = "replaced" } },
    after = function(m, t)
        t.eq(m.vault.anything, "new", "metamethod")
        t.eq(getmetatable(m.vault), "locked", "still hidden")
    end,
}
