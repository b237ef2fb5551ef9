return {
    doc = "a changed finalizer of live objects is replaced in the live metatable",
    before = function(m, t) t.note.object = m.new() end,
    expect = { functions = { ["mt.__gc"] = "replaced" } },
    after = function(m, t)
        t.eq(#m.log, 0, "nothing was finalized by the push")
        t.note.object = nil
        collectgarbage()
        collectgarbage()
        t.eq(m.log[#m.log], "new", "the old object's finalizer is the new one")
    end,
}
