return {
    doc = "a new function inside a guard that does not run again cannot come: R06",
    expect = { status = "no_change", warnings = { "R06" } },
    after = function(_, t) t.eq(Guarded.g, nil, "not there") end,
}
