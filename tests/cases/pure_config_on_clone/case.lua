return {
    doc = "a foreign Lua function without side effects is tried on a clone, and its result holds",
    expect = { functions = { f = "replaced" }, absent = { "f^limit", "f^size" }, replayed = {}, effects = {}, warnings = {} },
    after = function(m, t)
        local limit, size = m.f()
        t.eq(limit, 99, "from the live configuration")
        t.eq(size, 7, "default")
    end,
}
