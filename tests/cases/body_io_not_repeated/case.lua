return {
    doc = "files that the body writes are not written again, and its globals not counted up",
    expect = { functions = { path = "replaced" } },
    after = function(m, t)
        local file = io.open((m.path()))
        t.eq(file:read("a"), "ran\n", "once")
        file:close()
        t.eq(print_count, 1, "global")
    end,
    revert = function() print_count = nil end,
}
