return {
    doc = "of a dotted target the longest loaded name is the module, the rest the path",
    modules = { { module = "game.core", old = "old.lua", new = "new.lua" }, { module = "game", old = "old.lua", new = false } },
    target = "game.core.Skill.deep.cast",
    expect = { functions = { ["Skill.deep.cast"] = "replaced" }, joined = { "Skill.deep.cast^n" } },
    after = function(m, t)
        t.eq(m.Skill.deep.cast(), 10, "code")
        t.eq(require "game".Skill.deep.cast(), 5, "the other module of that source")
    end,
}
