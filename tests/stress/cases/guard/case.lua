return {
    doc = "a guard: what its watch needs is made before the commit, and gone if there is none",
    spec = { confirm_within_s = 3600, guard = "errors<1%" },
    before = function(m, t)
        m.hit(1)
        t.keep.old = m.maker()
    end,
    after = function(m, t)
        t.eq(debug.gethook() ~= nil, true, "it is on")
        t.eq(m.hit(1), 4, "new code")
        t.eq(m.maker()(1), 1, "and what that makes")
        t.eq(pcall(m.hit), false, "an error")
    end,
}
