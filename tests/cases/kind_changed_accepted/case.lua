return {
    doc = "with R04 accepted, __hotfix moves the state to its new shape",
    spec = { accept = { "R04" } },
    before = function(m) m.join("ann") m.join("bob") end,
    again = false,
    expect = { status = "applied", warnings = { "R04" } },
    after = function(m, t)
        m.join("cy")
        t.eq(m.count(), 3, "moved and used")
        t.eq(m.__hotfix, nil, "the hook is not added")
    end,
    revert = false,
}
