return {
    doc = "one refused module holds the other back",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    before = function() require "b".f() end,
    expect = { status = "refused", refusals = { "R04" } },
    after = function(a, t)
        t.eq(a.f(), 1, "the other one too")
        t.eq(a.g, nil, "nothing added")
    end,
}
