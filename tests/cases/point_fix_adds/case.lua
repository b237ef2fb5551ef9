return {
    doc = "a point fix may add a field",
    target = "m.Skill.double",
    expect = { functions = { ["Skill.double"] = "added" }, joined = { "Skill.double^power" } },
    after = function(m, t) t.eq(m.Skill.double(), 12, "code") end,
    revert = function(m, t) t.eq(m.Skill.double, nil, "gone") end,
}
