return {
    doc = "without a base the merge works by names alone, and says so",
    base = "none",
    before = function(m) m.f() end,
    expect = { base = "none", functions = { f = "replaced", ["f^helper|handlers.a^helper"] = "replaced",
                                            ["handlers.a"] = "replaced", ["handlers.b"] = "added" }, warnings = { "R03" } },
    after = function(m, t)
        t.eq(m.f(), 300, "code and state")
        t.eq(m.handlers.a(), 301, "one cell")
        t.eq(m.handlers.b(), 3, "a new function finds it")
    end,
    revert = function(m, t) t.eq(m.f(), 4, "back") end,
}
