return {
    doc = "first values that calls give, which are made when the patch is: they change nothing but what they return",
    before = function(m) m.cast() end,
    after = function(m, t)
        t.eq(m.cast(), 2, "state")
        t.eq(m.log().name, "battle", "the value of a call")
        t.eq(m.size(), 7, "values that are made of them")
    end,
    revert = false,
}
