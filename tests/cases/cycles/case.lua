return {
    doc = "cycles in live and new tables",
    expect = { functions = { f = "replaced" }, fields = { extra = "added" } },
    after = function(m, t)
        t.ok(m.extra.owner == m, "a paired table is the live table")
        t.ok(m.extra.me == m.extra, "a new cycle closes on itself")
        t.eq(m.f(), "root", "code")
    end,
}
