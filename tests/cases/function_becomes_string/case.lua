return {
    doc = "a function with upvalues that was never touched becomes plain data; what it counted stays",
    before = function(m) m.f() end,
    expect = { functions = { get = "replaced" }, warnings = { "R04" } },
    after = function(m, t)
        t.eq(m.f, "a constant now", "the new value")
        t.eq(m.get(), 10, "the counter")
    end,
}
