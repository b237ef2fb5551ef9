return {
    doc = "a function that the program put over the patched one since then is not taken away by the revert",
    expect = { functions = { f = "replaced", g = "replaced" } },
    after = function(m, t) t.note.f = function() return 3 end m.f = t.note.f end,
    revert = function(m, t)
        t.ok(m.f == t.note.f, "the program's")
        t.eq(m.g(), 1, "the patch's own went back")
    end,
}
