return {
    doc = "a function under a new name, its code as it was, that lives with others alone: it is that one, not a second",
    before = function(m, t) t.keep[m.double] = "a key" t.keep.double = m.double m.double = nil end,
    after = function(m, t)
        t.ok(rawequal(m.twice, t.keep.double), "the one that lives")
        t.eq(t.keep[m.twice], "a key", "found by it")
        t.eq(m.twice(4), 8, "the code")
    end,
    revert = function(m, t) t.eq(m.twice, nil, "gone again") t.eq(t.keep.double(4), 8, "the other name") end,
}
