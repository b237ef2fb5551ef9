return {
    doc = "an error in the body of one module, after its definitions, holds everything back",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" }, { module = "b", old = "old_b.lua", new = "new_b.lua" } },
    expect = { status = "load_failed", error = "index a nil value", line = 3, source_line = "B.missing.field" },
    after = function(a, t)
        t.eq(a.f(), 1, "the good one")
        t.eq(require "b".f(), 1, "the bad one")
    end,
}
