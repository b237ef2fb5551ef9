return {
    doc = "a standard library in a field of the module is an alias, and is not entered",
    before = function(m, t) t.note.rep = string.rep end,
    expect = { functions = { f = "replaced" }, warnings = {} },
    after = function(m, t) t.ok(m.lib == string and string.rep == t.note.rep, "untouched") end,
}
