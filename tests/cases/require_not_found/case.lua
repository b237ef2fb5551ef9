return {
    doc = "a require of what does not exist fails the load, with its line",
    expect = { status = "load_failed", error = "no_such_module_anywhere", line = 2, source_line = "no_such_module_anywhere" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
