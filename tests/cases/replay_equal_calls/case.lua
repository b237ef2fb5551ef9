return {
    doc = "two equal calls are two calls: two locals do not share one result",
    expect = { status = "applied", replayed = { "svc.next", "svc.next" } },
    after = function(m, t)
        local a, b = m.f()
        t.eq(a, 1, "first")
        t.eq(b, 2, "second")
    end,
    revert = false,
}
