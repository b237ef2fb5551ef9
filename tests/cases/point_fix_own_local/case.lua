return {
    doc = "a local of a point fix with a first value, which the program lacks, is new",
    target = "m.f",
    expect = { functions = { f = "replaced" }, absent = { "f^seen" } },
    after = function(m, t) m.f(1) t.eq(m.f(1), 2, "works") end,
}
