return {
    doc = "coroutines within coroutines, wrapped and not, reached only through one another's stacks",
    before = function(m, t)
        local f = m.f
        t.keep.outer = coroutine.wrap(function()
            local held = f
            local inner = coroutine.wrap(function(given)
                local innermost = coroutine.create(function(a) while true do coroutine.yield(a()) end end)
                coroutine.resume(innermost, given)
                while true do coroutine.yield(given("1") .. select(2, coroutine.resume(innermost))) end
            end)
            inner(held)
            f = nil
            while true do coroutine.yield(inner() .. held("3")) end
        end)
        t.keep.outer()
    end,
    round = false,
    after = function(m, t) t.eq(t.keep.outer(), "new1newnew3", "all three levels") end,
    revert = function(m, t) t.eq(t.keep.outer(), "old1oldold3", "back") end,
}
