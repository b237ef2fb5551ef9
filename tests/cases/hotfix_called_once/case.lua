return {
    doc = "__hotfix is called once, after the commit, with the live module, and is not added to it",
    again = false,
    before = function(m, t) m.f() t.note.m = m end,
    expect = { functions = { g = "added" }, output = "hotfix ran for\ttrue" },
    after = function(m, t)
        t.eq(m.scores.hotfixed, 1, "once")
        t.eq(m.scores.saw, "gtable", "the live module, patched, and info")
        t.eq(m.__hotfix, nil, "not added")
        t.eq(m.f(), 102, "it shares the module's locals")
    end,
    revert = false,
}
