return {
    doc = "locals and helpers behind global functions",
    before = function() add(5) end,
    expect = { functions = { ["peek^secret"] = "replaced" } },
    after = function(m, t) t.eq(peek(), -5, "new helper, old state") end,
    revert = function(m, t) t.eq(peek(), 5, "old helper") end,
}
