return {
    doc = "__hotfix as a global of a chunk that returns nothing",
    again = false,
    expect = { functions = { hello = "replaced" } },
    after = function(m, t)
        t.eq(hotfix_ran, 1, "ran")
        t.eq(rawget(_G, "__hotfix"), nil, "not added to the globals")
        t.eq(hello(), "new", "code")
    end,
    revert = false,
}
