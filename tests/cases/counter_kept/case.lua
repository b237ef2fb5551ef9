return {
    doc = "a local keeps its value when the function that counts with it changes",
    before = function(m, t) m.increment() m.increment() t.note.cell = t.cell(m.increment, "count") end,
    expect = { base = "recorded", functions = { increment = "replaced" }, joined = { "increment^count" }, absent = {},
               orphaned = {}, warnings = {}, effects = {}, replayed = {} },
    after = function(m, t)
        t.eq(m.get(), 2, "state")
        t.eq(m.increment(), 12, "new code on old state")
        t.eq(t.cell(m.increment, "count"), t.note.cell, "the very same cell")
        t.eq(t.cell(m.get, "count"), t.note.cell, "shared with get")
    end,
    revert = function(m, t) t.eq(m.increment(), 13, "old code on today's state") end,
}
