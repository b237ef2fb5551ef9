return {
    doc = "a function of the module that the program gave a second name, in another's place: the base is still what runs",
    before = function(m) m.two = m.one m.three = m.one end,
    expect = { base = "recorded", functions = { one = "replaced", three = "replaced" }, warnings = { "R12" } },
    after = function(m, t)
        t.eq(m.one(), 10, "one")
        t.eq(m.two(), 10, "the second name follows the function: the source did not change `two`")
        t.eq(m.three(), 30, "the source changed `three`: it wins, with R12")
    end,
    revert = function(m, t)
        t.eq(m.one(), 1, "one")
        t.eq(m.two(), 1, "two")
        t.eq(m.three(), 1, "three is what the program had put there")
    end,
}
