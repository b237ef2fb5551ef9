return {
    doc = "the same file loaded several times: each copy's functions are joined to their own cells, also where they begin to use another local",
    before = function(m, t)
        for _, name in ipairs { "a", "b", "c" } do
            t.keep[name] = dofile(t.dir .. "/m.lua")
            t.keep[name .. 1] = t.keep[name].make(#name)
        end
        t.keep.a1.add(5) t.keep.b1.add(7)
        t.keep.m1 = m.make(1)
        t.keep.m1.add(100)
    end,
    expect = { functions = { make = "replaced", total = "replaced" } },
    after = function(m, t)
        local function look(name, module, total)
            local n, word = module.total()
            t.eq(n, total, name .. ": total")
            t.eq(word, "new", name .. ": code")
            local o = module.make(1)
            o.add(1)
            local own, version, shared = o.get()
            t.eq(own, 2, name .. ": own")
            t.eq(version, "new", name .. ": new instance")
            t.eq(shared, total + 1, name .. ": its module's cell")
            t.eq((module.total()), total + 1, name .. ": shared")
        end
        look("m", m, 100)
        look("a", t.keep.a, 5)
        look("b", t.keep.b, 7)
        look("c", t.keep.c, 0)
        t.eq(select(3, t.keep.a1.get()), 6, "an earlier instance of a copy that begins to use a local of the copy")
        t.eq(select(3, t.keep.b1.get()), 8, "and of another")
        t.eq(select(3, t.keep.m1.get()), 101, "an instance of the module that begins to use a local of the module")
    end,
}
