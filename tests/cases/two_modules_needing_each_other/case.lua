return {
    doc = "two modules that need each other, both changed",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    before = function(a, t) t.eq(a.ping(), "A3", "before") end,
    expect = { functions = { ping = "replaced", pong = "replaced" }, effects = {} },
    after = function(a, t)
        t.eq(a.ping(), "new A6", "both new")
        t.eq(require "b".n(), 22, "state of b")
        t.ok(package.loaded.a == a, "the modules stay")
    end,
}
