return {
    doc = "the __hotfix of one module fails: both are rolled back",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    expect = { status = "rolled_back", error = "attempt to index a nil value" },
    after = function(a, t)
        t.eq(a.f(), 1, "the other one too")
        t.eq(require "b".f(), 1, "its own")
    end,
}
