return {
    doc = "a coroutine that an error ended is no running one: it is not reported; nor is one that came to its end",
    before = function(m, t)
        t.keep.dead = coroutine.create(function(f) error(f) end)
        coroutine.resume(t.keep.dead, m.f)
        t.keep.within = coroutine.create(m.f)
        coroutine.resume(t.keep.within, {}) -- an error in f itself
        t.keep.over = coroutine.create(m.f)
        coroutine.resume(t.keep.over)
        t.keep.closed = coroutine.create(function(f) coroutine.yield() return f end)
        coroutine.resume(t.keep.closed, m.f)
        coroutine.close(t.keep.closed)
    end,
    round = false,
    after = function(m, t)
        t.eq(#(t.report.coroutines or {}), 0, "none")
        t.eq(coroutine.status(t.keep.dead), "dead", "dead")
        t.eq(coroutine.status(t.keep.closed), "dead", "closed")
    end,
}
