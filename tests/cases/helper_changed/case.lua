return {
    doc = "a changed local helper reaches the unchanged function that calls it, through its cell",
    before = function(m, t) m.price(1) t.note.price = m.price end,
    expect = { functions = { ["price^tax"] = "replaced" }, joined = { "price^tax^total" }, absent = {}, warnings = {} },
    after = function(m, t)
        t.ok(m.price == t.note.price, "the caller itself was left alone")
        t.eq(m.price(10), 30, "new helper")
        t.eq(m.calls(), 2, "helper's state")
    end,
    revert = function(m, t) t.eq(m.price(10), 20, "old helper") end,
}
