return {
    doc = "a body that sets the metatable of a basic type does not set it again",
    before = function(m, t) t.note.mt = debug.getmetatable(0) end,
    expect = { functions = { f = "replaced" } },
    after = function(m, t)
        t.ok(debug.getmetatable(0) == t.note.mt, "the live metatable")
        t.eq((5):double(), 10, "works")
        t.eq(m.f(), 2, "code")
    end,
    revert = function(m, t) debug.setmetatable(0, nil) end,
}
