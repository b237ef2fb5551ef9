return {
    doc = "two closures of one factory, each joined to its own cell",
    before = function(m) m.a() m.b() m.b() end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq((m.a()), 11, "a")
        t.eq((m.b()), 112, "b")
        t.eq(select(2, m.b()), 2, "the factory's own state, counted by the real loads alone")
        t.ok(t.cell(m.a, "n") ~= t.cell(m.b, "n") and t.cell(m.a, "made") == t.cell(m.b, "made"), "cells")
    end,
    revert = function(m, t) t.eq((m.a()), 12, "a") t.eq((m.b()), 123, "b") end,
}
