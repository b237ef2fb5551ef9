return {
    doc = "metatables of numbers, functions, coroutines, nil and strings hold functions as well",
    before = function(m)
        debug.setmetatable(0, { __index = { f = m.f }, __call = m.f })
        debug.setmetatable(print, { __index = m.f })
        debug.setmetatable(coroutine.create(print), { __call = m.f })
        debug.setmetatable(nil, { __call = m.f })
        string.f = m.f
    end,
    round = false,
    after = function(m, t)
        t.eq((1).f("x"), "newx", "__index table of numbers")
        t.eq(((1)("x")):sub(1, 3), "new", "__call of numbers")
        t.eq(debug.getmetatable(print).__index, m.f, "of functions")
        t.eq(debug.getmetatable(coroutine.create(print)).__call, m.f, "of coroutines")
        t.eq(debug.getmetatable(nil).__call, m.f, "of nil")
        t.eq(("x"):f(), "newx", "the string library")
    end,
    revert = function(m, t)
        t.eq(("x"):f(), "oldx", "back")
        debug.setmetatable(0, nil)
        debug.setmetatable(print, nil)
        debug.setmetatable(coroutine.create(print), nil)
        debug.setmetatable(nil, nil)
        string.f = nil
    end,
}
