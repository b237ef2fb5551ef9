return {
    doc = "the way a function is written does not matter, only where it stands",
    before = function(m, t) t.keep.o = setmetatable({ n = "x" }, m) end,
    expect = { functions = { name = "replaced", static = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(t.keep.o:name(), "x!", "method")
        t.eq(m.static("a", "b"), "ba", "function")
    end,
}
