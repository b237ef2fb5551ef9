return {
    doc = "a function may begin to use a local that only a sibling had captured",
    before = function(m) m.login("ann") m.login("bob") end,
    expect = { functions = { status = "replaced" }, joined = { "status^sessions" }, absent = {}, warnings = {} },
    after = function(m, t)
        t.eq(m.status(), "up, 2", "the live table")
        t.ok(t.cell(m.status, "sessions") == t.cell(m.login, "sessions"), "the sibling's cell")
    end,
    revert = function(m, t) t.eq(m.status(), "up", "code") end,
}
