return {
    doc = "a syntax error fails the load and names the line",
    expect = { status = "load_failed", line = 3, source_line = "function M.g( return 3 end" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
