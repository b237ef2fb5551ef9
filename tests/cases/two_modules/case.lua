return {
    doc = "two modules in one request: the second uses a function that the first only now gets",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    before = function(a) a.count() end,
    expect = { functions = { count = "replaced", double = "added", run = "replaced" } },
    after = function(a, t)
        t.eq(require "b".run(), 22, "through both")
        t.ok(t.upvalue(require "b".run, "double") == a.double, "the committed function, no copy")
    end,
    revert = function(a, t)
        t.eq(a.double, nil, "gone")
        t.eq(require "b".run(), 12, "old code, state")
    end,
}
