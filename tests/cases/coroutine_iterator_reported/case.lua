return {
    doc = "a loop whose iterator is an old function goes on with it to its end, and is reported",
    before = function(m, t)
        t.keep.co = coroutine.wrap(function() for i, word in m.iterate, 4, 0 do coroutine.yield(word .. i) end return "end" end)
        t.eq(t.keep.co(), "old1", "begun")
    end,
    round = false,
    expect = { functions = { iterate = "replaced", f = "replaced" }, warnings = { "R08 iterate" } },
    after = function(m, t)
        t.eq(#t.report.coroutines, 1, "one")
        t.eq(t.report.coroutines[1]["function"], "iterate", "which")
        t.ok(t.report.coroutines[1].at:match("case%.lua:4$"), "where: " .. t.report.coroutines[1].at)
        t.eq(t.keep.co(), "old2", "goes on")
        t.keep.co() t.keep.co()
        t.eq(t.keep.co(), "end", "ends")
    end,
}
