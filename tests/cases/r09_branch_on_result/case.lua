return {
    doc = "a plain first value from a line that tested the result of a call that was not made: R09 as a warning",
    expect = { status = "applied" },
    round = false,
    after = function(m, t) t.ok(t.warned("R09"), "said so") t.ok(m.f() == "fast" or m.f() == "slow", "a value") end,
}
