return {
    doc = "mutually recursive functions end up among the new ones",
    before = function(m) m.parity(4) end,
    expect = { functions = { ["parity^even"] = "replaced", ["parity^even^odd"] = "replaced" } },
    after = function(m, t)
        local word, calls = m.parity(3)
        t.eq(word, "ODD", "through both")
        t.eq(calls, 9, "state")
    end,
    revert = function(m, t) t.eq((m.parity(2)), "even", "old ones") end,
}
