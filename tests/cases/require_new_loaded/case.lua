return {
    doc = "a new require of a module that is loaded gives that module",
    before = function(m, t) t.keep.util = require "util" end,
    expect = { functions = { f = "replaced" }, absent = { "f^util" }, replayed = {} },
    after = function(m, t)
        t.eq(m.f("x"), "<x>", "works")
        t.ok(t.upvalue(m.f, "util") == require "util", "the module itself, not a copy")
        t.eq(util_loads, 1, "loaded once")
    end,
    revert = function() util_loads = nil end,
}
