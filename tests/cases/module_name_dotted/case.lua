return {
    doc = "a module with dots in its name",
    module = "game.core.battle",
    modules = { { module = "game.core.battle", old = "old.lua", new = "new.lua" } },
    before = function(m) m.f() end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t) t.eq(m.f(), 11, "code and state") end,
}
