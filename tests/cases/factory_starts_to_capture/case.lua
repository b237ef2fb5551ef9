return {
    doc = "closures that the body makes and that begin to use a local of their factory get the first value that the new source gives",
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.a(), 3, "a")
        t.eq(m.b(), 15, "b")
    end,
    revert = function(m, t) t.eq(m.b(), 5, "b") end,
}
