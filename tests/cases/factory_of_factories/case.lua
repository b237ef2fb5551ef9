return {
    doc = "instances of instances: each on its own cells, those of its maker, and those of the module",
    before = function(m, t)
        t.keep.p, t.keep.q = m.outer(100), m.outer(200)
        t.keep.p1, t.keep.p2, t.keep.q1 = t.keep.p(1), t.keep.p(2), t.keep.q(3)
        t.keep.p1(1) t.keep.p2(1) t.keep.q1(1)
    end,
    expect = { functions = { outer = "replaced" } },
    after = function(m, t)
        local function is(f, ...)
            local actual = { f(1) }
            for i, value in ipairs { ... } do t.eq(actual[i], value, "value " .. i) end
        end
        is(t.keep.p1, "new", 103, 3, 4)
        is(t.keep.p2, "new", 104, 4, 5)
        is(t.keep.q1, "new", 202, 5, 6)
        is(t.keep.p(10), "new", 105, 11, 7)
        t.eq(m.all(), 7, "the module's")
    end,
    revert = function(m, t)
        local word, x, y = t.keep.p1(1)
        t.eq(word, "old", "code")
        t.eq(x, 106, "its maker's cell")
        t.eq(y, 4, "its own")
    end,
}
