return {
    doc = "table to function and function to table, both untouched",
    expect = { warnings = { "R04 names", "R04 f" } },
    after = function(m, t)
        t.eq(m.names().ann, 1, "function now")
        t.eq(m.f.call, 1, "table now")
    end,
    revert = function(m, t)
        t.eq(m.names.ann, 1, "table again")
        t.eq(m.f(), 1, "function again")
    end,
}
