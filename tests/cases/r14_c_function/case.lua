return {
    doc = "a C function as the target of a point fix cannot be replaced",
    target = "m.now",
    expect = { status = "refused", refusals = { "R14" } },
    after = function(m, t) t.ok(m.now == os.time, "intact") end,
}
