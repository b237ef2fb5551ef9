return {
    doc = "a suspended loop over a table that gets a key is R18, and named",
    before = function(m, t)
        t.keep.co = coroutine.create(function() for name in pairs(m.handlers) do coroutine.yield(name) end end)
        coroutine.resume(t.keep.co)
    end,
    round = false,
    expect = { functions = { ["handlers.c"] = "added" }, warnings = { "R18" } },
    after = function(m, t) t.eq(type(m.handlers.c), "function", "added") end,
}
