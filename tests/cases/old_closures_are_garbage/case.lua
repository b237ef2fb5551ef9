return {
    doc = "nothing of hotpatch keeps a replaced function alive, though the patch can be reverted",
    spec = { refs = "module" }, -- the search would find the weak table, and replace the functions in it
    before = function(m, t)
        t.note.old = setmetatable({ [m.f] = true, [m.g] = true, [t.upvalue(m.f, "helper")] = true }, { __mode = "k" })
        m.f()
    end,
    expect = { functions = { f = "replaced", g = "replaced", ["f^helper"] = "replaced" } },
    after = function(m, t)
        collectgarbage()
        collectgarbage()
        t.eq(next(t.note.old), nil, "an old function that is left")
        t.eq(m.f(), 3, "code and state")
    end,
    revert = function(m, t) t.eq(m.f(), 4, "code and state") end,
}
