return {
    doc = "the table of globals is no module to be patched by its name",
    target = "_G",
    expect = { status = "refused", refusals = { "R17" } },
    after = function(m, t) t.ok(debug.getinfo(print).what == "C", "intact") end,
}
