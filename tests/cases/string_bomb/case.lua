return {
    doc = "one call that would make a terabyte meets a limit or an error, not the server's end",
    expect = { status = "load_failed|limit" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
