return {
    doc = "a function assigned to a forward declared local is replaced in that local",
    before = function(m) m.page() end,
    expect = { functions = { ["page^render"] = "replaced" }, joined = { "page^render^hits" } },
    after = function(m, t) t.eq(m.page(), "[p2]", "code and state") end,
    revert = function(m, t) t.eq(m.page(), "<p3>", "code and state") end,
}
