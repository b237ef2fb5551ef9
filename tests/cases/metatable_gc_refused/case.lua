return {
    doc = "a new __gc on a live object is refused",
    expect = { status = "refused", refusals = { "R10" } },
    after = function(m, t) t.eq(getmetatable(m.conn), nil, "untouched") end,
}
