return {
    doc = "a frame that runs an old function finishes in it, on the shared cells, and is reported with where it stands (R08)",
    before = function(m, t)
        t.keep.a, t.keep.b = coroutine.create(m.loop), coroutine.create(m.loop)
        coroutine.resume(t.keep.a)
        coroutine.resume(t.keep.b)
    end,
    round = false,
    expect = { functions = { loop = "replaced", ["loop^step"] = "replaced" } },
    after = function(m, t)
        t.eq(#t.report.coroutines, 1, "one place")
        local where = t.report.coroutines[1]
        t.eq(where.count, 2, "two coroutines stand there")
        t.ok(where.at:match("m%.lua:7$"), "line 7: " .. tostring(where.at))
        local ok, value = coroutine.resume(t.keep.a)
        t.eq(value, nil, "the running loop is old")
        t.eq(m.log[3], "new3", "and calls the new helper, through the shared cell")
        t.eq(select(2, coroutine.resume(coroutine.create(m.loop))), "new loop", "a new one is new")
    end,
}
