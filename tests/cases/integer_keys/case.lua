return {
    doc = "integer keys that are not a list are keys like any other",
    before = function(m) m.dispatch[400] = "live" end,
    expect = { functions = { ["dispatch[100]"] = "replaced", ["dispatch[300]"] = "added" } },
    after = function(m, t)
        t.eq(m.dispatch[100](), "HUNDRED", "replaced")
        t.eq(m.dispatch[300](), "three hundred", "added")
        t.eq(m.dispatch[400], "live", "kept")
    end,
    revert = function(m, t) t.eq(m.dispatch[300], nil, "taken out") end,
}
