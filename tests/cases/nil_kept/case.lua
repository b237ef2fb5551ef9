return {
    doc = "a local that the program set to nil stays nil, whatever its first value in the source",
    before = function(m) m.forget() end,
    expect = { functions = { state = "replaced" }, warnings = {}, joined = { "state^name", "state^queue" } },
    after = function(m, t)
        local name, queue, version = m.state()
        t.eq(name, nil, "plain local")
        t.eq(queue, nil, "local that was a table")
        t.eq(version, 2, "code")
    end,
}
