return {
    doc = "a point fix may use a local that only a sibling captured",
    target = "m.status",
    before = function(m) m.add("y") end,
    expect = { functions = { status = "replaced" }, joined = { "status^sessions" } },
    after = function(m, t) t.eq(m.status(), "up:2", "state") end,
}
