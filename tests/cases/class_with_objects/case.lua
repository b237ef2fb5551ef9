return {
    doc = "objects of a class keep their class table, and have its new methods at once",
    before = function(m, t) t.keep.fire = m.new("fire") t.keep.fire:cast() end,
    expect = { functions = { new = "replaced", cast = "replaced", reset = "added" }, joined = { "new^created", "new^Skill" } },
    after = function(m, t)
        local fire = t.keep.fire
        t.ok(getmetatable(fire) == m, "class table")
        t.eq(fire:cast(), "fire:2", "changed method, old object")
        fire:reset()
        t.eq(fire.uses, 0, "new method, old object")
        t.eq(m.new("ice"):cast(), "ice:1", "new object")
        t.eq(m.created(), 2, "state")
    end,
    revert = function(m, t)
        t.eq(t.keep.fire:cast(), "fire1", "old method")
        t.eq(t.keep.fire.reset, nil, "gone")
    end,
}
