return {
    doc = "a running loop in a coroutine keeps its coroutine and its queue",
    before = function(m, t) m.push("a") m.turn() t.note.loop = m.loop end,
    expect = { functions = { ["work^work"] = "replaced" }, warnings = {} },
    after = function(m, t)
        t.ok(m.loop == t.note.loop, "the running coroutine stays")
        m.push("b")
        t.ok(m.turn(), "it goes on")
        t.eq(m.log[2], "new b", "and works with the new helper, through the shared variable")
    end,
}
