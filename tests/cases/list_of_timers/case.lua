return {
    doc = "a list of timers whose functions changed and whose data did not: the functions are replaced, and nothing is said of the list",
    before = function(m) m.tick(10) end,
    expect = { functions = { ["tick^timers[1][1]"] = "replaced" }, warnings = {} },
    after = function(m, t)
        t.eq(m.tick(10), 105, "the first timer is new")
        t.eq(m.tick(5), 107, "the second is as it was")
    end,
    revert = function(m, t) t.eq(m.tick(10), 110, "back, with its count") end,
}
