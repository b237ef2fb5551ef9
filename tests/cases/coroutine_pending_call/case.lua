return {
    doc = "a function that waits on a stack to be called, for its arguments come from a yield; and one that was passed beside it",
    before = function(m, t)
        t.keep.co = coroutine.wrap(function() return m.f(coroutine.yield()) .. tostring((coroutine.yield())) end)
        t.keep.co()
        t.keep.two = coroutine.wrap(function(...) return select("#", ..., coroutine.yield()), (...)("v") end)
        t.keep.two(m.f, m.f)
    end,
    round = false,
    after = function(m, t)
        t.keep.co("x")
        t.eq(t.keep.co(1), "newx1", "the pending callee")
        t.eq(select(2, t.keep.two()), "newv", "varargs")
    end,
}
