return {
    doc = "of two locals of one name the twin's own is meant",
    target = "m.fail",
    expect = { functions = { fail = "replaced" }, joined = { "fail^n" } },
    after = function(m, t)
        t.eq(m.fail(), 105, "its own")
        t.eq(m.join(), 1, "not the other")
    end,
}
