return {
    doc = "an alias of a function of a module that is not in the request is the live function",
    modules = { { module = "a", old = "old_a.lua", new = "new_a.lua" },
                { module = "other", old = "old_other.lua", new = false } },
    expect = { functions = { f = "replaced" }, absent = { "f^get" } },
    after = function(a, t)
        t.eq(a.f(), 6, "live function")
        t.eq(require "other".get(), 7, "live state")
    end,
}
