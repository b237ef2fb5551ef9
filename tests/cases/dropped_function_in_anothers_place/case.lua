return {
    doc = "a function that the new source lacks, and that the program had put into another's place, does not lose the base of later pushes",
    before = function(m) m.first() m.second = m.first end,
    expect = { functions = { third = "replaced", first = "kept" }, warnings = { "R13" } },
    after = function(m, t)
        t.eq(m.third(), 30, "the first push")
        local report = t.push(t.text("newer.lua"))
        t.eq(report.status, "applied", "status")
        t.eq(report.modules[1].base, "pushed", "base")
        t.eq(select(2, m.second()), 2, "what the program put there stays")
        t.eq(select(2, m.third()), 3, "the state is shared")
        t.eq(t.hotpatch.revert().status, "reverted", "status of the revert")
        report = t.push(t.text("newer.lua"))
        t.eq(report.modules[1].base, "pushed", "base after the revert")
        t.hotpatch.revert()
    end,
    revert = function(m, t) t.eq(m.third(), 3, "the old code") end,
}
