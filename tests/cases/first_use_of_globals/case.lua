return {
    doc = "a function that begins to use globals gets the globals of the program",
    expect = { functions = { f = "replaced", g = "added" } },
    after = function(m, t)
        t.eq(m.f(1), "1number", "globals")
        t.eq(m.g(), _VERSION, "globals")
        t.ok(t.upvalue(m.f, "_ENV") == _G, "_ENV is _G")
    end,
}
