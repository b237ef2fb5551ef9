return {
    doc = "with R16 accepted the merge goes by names alone",
    base = { client = "other.lua" },
    spec = { accept = { "R16" } },
    again = false,
    expect = { status = "applied", functions = { f = "replaced" } },
    after = function(m, t) t.ok(t.warned("R16"), "said so") t.eq(m.f(), 14, "code") end,
}
