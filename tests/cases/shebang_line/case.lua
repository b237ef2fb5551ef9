return {
    doc = "a first line that begins with # is skipped, as by require, and lines are counted right",
    before = function(m) m.f() end,
    expect = { base = "recorded", functions = { f = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.f(), 11, "code and state")
        t.eq(debug.getinfo(m.f, "S").linedefined, 4, "line")
    end,
}
