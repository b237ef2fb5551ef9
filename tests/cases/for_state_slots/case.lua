return {
    doc = "the hidden slots of a running loop are never replaced: it ends with the iterator that it began with",
    before = function(m, t)
        t.keep.co = coroutine.wrap(function()
            for _, item in m.iterate, m.items, 0 do coroutine.yield(item) end
            return "end"
        end)
        t.eq(t.keep.co(), "old a", "first")
    end,
    round = false,
    expect = { functions = { iterate = "replaced" } },
    after = function(m, t)
        local item = t.keep.co()
        t.ok(item == "old b" or item == "new b", "goes on")
        t.keep.co()
        t.keep.co()
        t.eq(t.keep.co(), "end", "and ends")
    end,
}
