return {
    doc = "upvalues of C closures: a wrapped coroutine, an iterator of gmatch, and what those hold in turn",
    before = function(m, t)
        t.keep.wrap = coroutine.wrap(function(f) while true do coroutine.yield(f("1")) end end)
        t.keep.wrap(m.f)
        t.keep.unstarted = coroutine.wrap(m.f)
        t.keep.words = ("a b"):gmatch("%a")
        t.keep.nested = coroutine.wrap(function(inner) coroutine.yield() return inner("2") end)
        t.keep.nested(coroutine.wrap(m.f))
    end,
    round = false,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.eq(t.keep.wrap(), "new1", "started")
        t.eq(t.keep.unstarted("0"), "new0", "not started")
        t.eq(t.keep.nested(), "new2", "a wrapped one in another's stack")
        t.eq(t.keep.words(), "a", "others are let be")
    end,
    revert = function(m, t) t.eq(t.keep.wrap(), "old1", "back") end,
}
