return {
    doc = "locals, arguments and temporaries of suspended coroutines get the new functions",
    before = function(m, t)
        t.keep.co = coroutine.create(function(argument, ...)
            local held = m.f
            local t1, t2 = held, argument
            local function inner() coroutine.yield() return held() end
            local first = ("%s"):rep(1) .. inner() .. t1() .. t2() .. (...)() -- suspended in the middle of an expression
            return first
        end)
        t.ok(coroutine.resume(t.keep.co, m.f, m.g), "started")
    end,
    round = false,
    expect = { functions = { f = "replaced", g = "replaced" } },
    after = function(m, t)
        local ok, value = coroutine.resume(t.keep.co)
        t.eq(value, "%snewnewnewnew0", "all new")
        t.ok(ok, "no error")
    end,
}
