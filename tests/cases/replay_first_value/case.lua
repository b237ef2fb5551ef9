return {
    doc = "a new local whose first value is a foreign call gets it by just that call, made once",
    before = function(m) m.cast() end,
    expect = { functions = { cast = "replaced", log = "added" }, absent = { "cast^log", "log^log" },
               replayed = { "logger.get" } },
    after = function(m, t)
        t.eq(m.cast(), 2, "state")
        t.eq(m.log().name, "battle", "the value")
        t.eq(m.log().count, 1, "one cell")
        t.eq(#require "logger".made, 1, "one call")
        t.eq(t.report.replayed[1]["for"], "cast^log", "said for what")
        t.eq(t.report.replayed[1].line, 4, "and where")
    end,
    revert = false,
}
