return {
    doc = "a class library without side effects, tried on a clone, gives a fresh table that is merged like any other",
    before = function(m, t) t.keep.p = m.new { x = -1, y = 2 } end,
    expect = { functions = { len = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(t.keep.p:len(), 3, "old object, new method")
        t.ok(getmetatable(t.keep.p) == m, "class")
    end,
}
