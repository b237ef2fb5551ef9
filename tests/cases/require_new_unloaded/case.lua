return {
    doc = "a new require of a module that is not loaded is made by the push, not by the diff",
    round = false,
    expect = { functions = { f = "replaced" }, absent = { "f^util" }, replayed = { "require" } },
    after = function(m, t)
        t.ok(package.loaded.util, "loaded now")
        t.eq(m.f("x"), "<x>", "works")
        t.ok(t.upvalue(m.f, "util") == package.loaded.util, "the module")
    end,
    revert = false,
}
