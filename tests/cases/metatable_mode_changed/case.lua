return {
    doc = "a changed __mode is R10",
    expect = { status = "no_change", },
    after = function(m, t) t.ok(t.warned("R10"), "said so") end,
}
