return {
    doc = "a module that is a function",
    before = function(m) m(1) end,
    expect = { status = "applied" },
    after = function(_, t)
        local value, calls = package.loaded.m(1)
        t.eq(value, 101, "code, where the next require finds it")
        t.eq(calls, 2, "state")
    end,
    revert = function(_, t) t.eq((package.loaded.m(1)), 2, "old code") end,
}
