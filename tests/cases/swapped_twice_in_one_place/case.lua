return {
    doc = "many functions in many places of one table: values that are also keys of it, holes, a sequence, nested",
    before = function(m, t)
        local all = {}
        for i = 1, 200 do all[i] = i % 3 == 0 and m.f or i % 3 == 1 and m.g or false end
        for i = 1, 50 do all["k" .. i] = i % 2 == 0 and m.f or m.g end
        all[m.f], all[m.g], all[1.5], all[true], all[all] = m.g, m.f, m.f, m.g, all
        t.keep.all = all
    end,
    expect = { functions = { f = "replaced", g = "replaced" } },
    after = function(m, t)
        local all, count = t.keep.all, 0
        for i = 1, 200 do t.eq(all[i], i % 3 == 0 and m.f or i % 3 == 1 and m.g or false, "sequence " .. i) end
        for i = 1, 50 do t.eq(all["k" .. i], i % 2 == 0 and m.f or m.g, "field " .. i) end
        t.ok(all[m.f] == m.g and all[m.g] == m.f and all[1.5] == m.f and all[true] == m.g and all[all] == all, "the rest")
        for _ in pairs(all) do count = count + 1 end
        t.eq(count, 255, "entries")
    end,
}
