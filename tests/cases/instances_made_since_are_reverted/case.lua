return {
    doc = "a revert takes back closures that the patch's factory made since, each on its own state",
    before = function(m, t) t.keep[1] = m.make(10) end,
    expect = { functions = { make = "replaced" } },
    after = function(m, t)
        for i = 2, 9 do t.keep[i] = m.make(i * 10) t.keep[i].add(i) end
        t.eq(select(2, t.keep[1].get()), "new", "earlier instance")
        t.eq(select(2, t.keep[9].get()), "new", "later instance")
    end,
    revert = function(m, t)
        for i = 1, 9 do
            local own, word = t.keep[i].get()
            t.eq(word, "old", "instance " .. i)
            t.eq(own, i == 1 and 10 or i * 11, "its state")
            t.keep[i].add(1)
            t.eq((t.keep[i].get()), own + 1, "shared by its closures")
        end
        t.eq(m.total(), 44 + 9, "and the module's")
    end,
}
