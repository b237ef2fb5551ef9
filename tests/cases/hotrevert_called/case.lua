return {
    doc = "a patch with __hotfix can be reverted where the module has __hotrevert, which is called",
    again = false,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(m.f(), "200 cm", "migrated")
        t.eq(m.__hotrevert, nil, "not added")
        m.height = 300
    end,
    revert = function(m, t) t.eq(m.f(), "3m", "migrated back, with the state since") end,
}
