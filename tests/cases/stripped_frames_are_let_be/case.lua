return {
    doc = "stripped code has no names of slots: an iterator under way cannot be told from a temporary there, and is let be",
    before = function(m, t)
        local text = "local m = ... for i, word in m.iterate, 3, 0 do coroutine.yield(word) end"
        t.keep.co = coroutine.create(load(string.dump(assert(load(text)), true), "=stripped", "b"))
        t.eq(select(2, coroutine.resume(t.keep.co, m)), "old", "begun")
    end,
    round = false,
    expect = { functions = { f = "replaced", iterate = "replaced" } },
    after = function(m, t)
        t.eq(select(2, coroutine.resume(t.keep.co)), "old", "goes on with its iterator")
        t.eq(select(2, m.iterate(1, 0)), "new", "new loops have the new one")
    end,
}
