return {
    doc = "a local that only a registered handler knows is found, though no code changed: new functions join it, its table is entered",
    before = function(m, t)
        package.loaded.bus.handlers.tick()
        package.loaded.bus.handlers.tick()
    end,
    expect = { functions = { get = "added" }, joined = { "get^n", "get^limits" }, absent = {} },
    after = function(m, t)
        t.eq(select(1, m.get()), 2, "the handler's count")
        t.eq(select(2, m.get()), 9, "the new key")
        package.loaded.bus.handlers.tick()
        t.eq(select(1, m.get()), 3, "one cell")
    end,
}
