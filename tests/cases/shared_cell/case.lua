return {
    doc = "functions that share a local go on sharing it after all of them changed",
    before = function(m) m.hit() m.hit() m.miss() end,
    expect = { functions = { hit = "replaced", miss = "replaced", report = "replaced" },
               joined = { "hit^hits", "miss^misses", "report^hits", "report^misses" }, absent = {} },
    after = function(m, t)
        m.hit(5)
        m.miss(7)
        local h, n, sum = m.report()
        t.eq(h, 7, "hits")
        t.eq(n, 8, "misses")
        t.eq(sum, 15, "sum")
        t.ok(t.cell(m.hit, "hits") == t.cell(m.report, "hits"), "hits is one cell")
        t.ok(t.cell(m.hit, "hits") ~= t.cell(m.miss, "misses"), "and misses another")
    end,
    revert = function(m, t)
        m.hit()
        t.eq(m.report(), 8, "old code, same cells")
    end,
}
