return {
    doc = "where the source makes another call, the live value stays with R12",
    expect = { functions = { f = "replaced" }, replayed = {}, status = "applied" },
    after = function(m, t)
        local name, version = m.f()
        t.eq(name, "a", "kept")
        t.eq(version, 2, "code")
        t.eq(#require "svc".opened, 1, "not called")
        t.ok(t.warned("R12"), "R12")
    end,
}
