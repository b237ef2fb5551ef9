return {
    doc = "anonymous handlers that a function of the module registered, once for each caller: nothing of the module leads to them",
    before = function(m, t)
        m.attach("a") m.attach("b") m.attach("a")
        t.eq(table.concat(require "bus".fire("!"), " "), "old a!1 old b!1 old a!1", "before")
    end,
    expect = { functions = { attach = "replaced" } },
    after = function(m, t)
        t.eq(t.report.instances, 3, "three")
        m.attach("c")
        t.eq(table.concat(require "bus".fire("?"), " "), "new a?2 new b?2 new a?2 new c?1", "each its own name and count")
    end,
    revert = function(m, t) t.eq(table.concat(require "bus".fire("."), " "), "old a.3 old b.3 old a.3 old c.2", "back") end,
}
