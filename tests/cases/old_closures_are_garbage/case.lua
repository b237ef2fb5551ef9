return {
    doc = "nothing of hotpatch keeps a replaced function alive, though the patch can be reverted",
    before = function(m, t)
        t.note.seen = setmetatable({ [m.f] = true, [m.g] = true, [t.upvalue(m.f, "helper")] = true }, { __mode = "k" })
        m.f()
    end,
    expect = { functions = { f = "replaced", g = "replaced", ["f^helper"] = "replaced" } },
    after = function(m, t)
        collectgarbage()
        collectgarbage()
        for f in pairs(t.note.seen) do -- the weak table is a holder like any other, and may have the new ones now
            t.ok(f == m.f or f == m.g or f == t.upvalue(m.f, "helper"), "no old function is left")
        end
        t.eq(m.f(), 3, "code and state")
    end,
    revert = function(m, t) t.eq(m.f(), 4, "code and state") end,
}
