return {
    doc = "a callback that the program stored in a local is state and stays, with R12 where the default changed",
    before = function(m, t) t.note.f = function() return "custom" end m.set(t.note.f) end,
    expect = { functions = { kill = "replaced" }, warnings = { "R12" } },
    after = function(m, t) t.eq(m.kill(), "kill: custom", "callback kept, code new") end,
}
