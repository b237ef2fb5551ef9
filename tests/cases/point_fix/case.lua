return {
    doc = "a point fix: the chunk returns the value of one slot, its bare locals join the live ones of their names",
    target = "m.Skill.cast",
    before = function(m) m.Skill:cast("a") end,
    expect = { functions = { ["Skill.cast"] = "replaced" }, joined = { "Skill.cast^casts", "Skill.cast^cost" }, absent = {} },
    after = function(m, t)
        t.eq(m.Skill:cast("b"), "b:3", "code")
        t.eq(m.casts(), 2, "the module's own local")
    end,
    revert = function(m, t)
        t.eq(m.Skill:cast("b"), "b3", "code")
        t.eq(m.casts(), 3, "state")
    end,
}
