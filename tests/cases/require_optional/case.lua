return {
    doc = "pcall(require, …) of what does not exist takes the branch that it would take",
    expect = { functions = { has = "replaced", encode = "added" } },
    after = function(m, t)
        t.eq(m.has(), false, "not there")
        t.eq(m.encode(1), "1", "other branch")
    end,
}
