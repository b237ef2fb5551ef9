return {
    doc = "the body of a coroutine that has not started, wrapped and not, held only by a coroutine's stack or as a key",
    before = function(m, t)
        t.keep.keys = { [coroutine.create(m.f)] = true }
        t.keep.holder = coroutine.wrap(function(co) coroutine.yield() return co() end)
        t.keep.holder(coroutine.wrap(m.f))
    end,
    round = false,
    after = function(m, t)
        t.eq(select(2, coroutine.resume((next(t.keep.keys)))), "new", "a key")
        t.eq(t.keep.holder(), "new", "a stack")
    end,
}
