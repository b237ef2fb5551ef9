return {
    doc = "values computed from calls (arithmetic, index, concatenation) are computed again from the replayed calls, in order",
    expect = { status = "applied", functions = { f = "replaced" } },
    after = function(m, t)
        local id, name = m.f()
        t.eq(id, 23, "11 * 2 + 1")
        t.eq(name, "n-aa", "index and concatenation")
        t.eq(m.ids[1], 23, "the same value elsewhere")
        t.eq(m.ids.first, 12, "second call")
        t.eq(require "svc".n, 12, "two calls")
        t.eq(require "svc".opened, 1, "one call")
    end,
    revert = false,
}
