return {
    doc = "a table counts as touched when its contents changed, at any depth",
    before = function(m) m.names.ann.level = 2 end,
    expect = { status = "refused", refusals = { "R04 names" } },
}
