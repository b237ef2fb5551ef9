return {
    doc = "a function that is running while it is replaced ends in its old code, on the shared variables",
    round = false,
    expect = { functions = { run = "replaced" } },
    after = function(m, t)
        t.eq(m.run(), 1000, "new code")
        local back = t.push(t.text("old.lua"))
        t.eq(back.status, "applied", "old text pushed")
        local value, report = m.run(function() return t.hotpatch.patch { module = "m", source = t.text("new.lua"), file = "m.lua" } end)
        t.eq(report.status, "applied", "from inside")
        t.eq(value, 1101, "the old call went on: + 1 + 100")
        t.eq(m.run(), 2101, "the next is new")
        t.eq(t.hotpatch.revert().status, "reverted", "one")
        t.eq(t.hotpatch.revert().status, "reverted", "two")
    end,
}
