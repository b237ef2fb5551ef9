return {
    doc = "state of another kind is refused: moving it is the work of __hotfix",
    before = function(m) m.join("ann") end,
    expect = { status = "refused", refusals = { "R04" } },
    after = function(m, t)
        m.join("bob")
        t.eq(m.count(), 2, "the server goes on")
    end,
}
