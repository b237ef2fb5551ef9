return {
    doc = "a set of functions, each under itself: key and value both become the new one, and nothing of the old is left",
    before = function(m, t) t.keep.set = { [m.f] = m.f, [m.g] = { m.g }, [m.f == nil] = m.g } end,
    expect = { functions = { f = "replaced", g = "replaced" } },
    after = function(m, t)
        local set, count = t.keep.set, 0
        for _ in pairs(set) do count = count + 1 end
        t.eq(count, 3, "entries")
        t.ok(set[m.f] == m.f and set[m.g][1] == m.g and set[false] == m.g, "the new ones")
    end,
    revert = function(m, t) t.ok(t.keep.set[m.f] == m.f and t.keep.set[false] == m.g, "back") end,
}
