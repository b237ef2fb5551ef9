return {
    doc = "a coroutine that has not started can be a first value",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.step(), 41, "first step")
        t.eq(m.step(), 42, "second step")
    end,
}
