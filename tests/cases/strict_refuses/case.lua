return {
    doc = "strict turns a warning into a refusal",
    spec = { strict = true },
    expect = { status = "refused", refusals = { "R12 limit" } },
    after = function(m, t) t.eq(m.f(), 1, "nothing changed") end,
}
