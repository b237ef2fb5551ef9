return {
    doc = "a parameter called _ENV is a parameter",
    before = function(m, t) t.keep.e = {} m.with(t.keep.e) end,
    expect = { functions = { with = "replaced", other = "added" } },
    after = function(m, t)
        t.eq(m.with(t.keep.e), 11, "code")
        local x, have = m.other(t.keep.e)
        t.eq(x, 11, "environment")
        t.eq(have, true, "local print")
        t.eq(rawget(_G, "x"), nil, "nothing in the globals")
    end,
}
