return {
    doc = "code moves from one module to another in one request",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "util", old = "old_b.lua", new = "new_b.lua" } },
    expect = { status = "applied" },
    after = function(a, t) t.eq(a.f(1), 101, "through both") end,
}
