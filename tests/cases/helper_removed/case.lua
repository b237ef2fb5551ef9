return {
    doc = "live upvalues that no new function uses are orphaned, and said so",
    expect = { functions = { calc = "replaced" }, joined = {}, absent = {}, orphaned = { "calc^double" } },
    after = function(m, t) t.eq(m.calc(2), 8, "code") end,
    revert = function(m, t)
        t.eq(m.calc(2), 4, "code")
    end,
}
