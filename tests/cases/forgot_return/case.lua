return {
    doc = "a new source that forgot to return its module is refused or does nothing with a warning; it is never a silent success",
    spec = { strict = true },
    expect = { status = "refused" },
    after = function(m, t) t.eq(m.f(), 1, "old code") end,
}
