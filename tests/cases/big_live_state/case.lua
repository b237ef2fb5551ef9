return {
    doc = "live state is walked along with the source, never beyond it: a big heap is no big plan",
    spec = { refs = "module" },
    spec = { refs = "module" }, -- without the search for other holders, which looks at all the heap
    before = function(m) m.fill(2000) end,
    expect = { functions = { count = "replaced" } },
    after = function(m, t)
        t.eq(m.count(), 2001, "code and state")
        t.ok(t.report.cost.objects < 2000, "the players were not walked")
    end,
}
