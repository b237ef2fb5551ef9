return {
    doc = "with `all` the source wins on every function field, also on unchanged ones",
    spec = { all = true },
    before = function(m, t) m.rate = function() return 99 end end,
    expect = { status = "applied" },
    after = function(m, t) t.eq(m.rate(), 1, "the source's function") end,
    revert = function(m, t) t.eq(m.rate(), 99, "the program's function is back") end,
}
