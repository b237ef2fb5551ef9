return {
    doc = "keys that the source gained are added to live tables, at every depth; those removed at run time stay removed",
    before = function(m, t)
        m.config.net.port = 8080
        m.config.net.host = nil
        m.config.limits = nil
        t.note.net = m.config.net
    end,
    expect = { fields = { ["config.net.timeout"] = "added", ["config.log"] = "added" }, warnings = {} },
    after = function(m, t)
        t.ok(m.config.net == t.note.net, "identity")
        t.eq(m.config.net.timeout, 5, "added")
        t.eq(m.config.log.level, "info", "added table")
        t.eq(m.config.net.port, 8080, "kept")
        t.eq(m.config.net.host, nil, "stays removed")
        t.eq(m.config.limits, nil, "stays removed")
    end,
    revert = function(m, t)
        t.eq(m.config.net.timeout, nil, "taken out")
        t.eq(m.config.log, nil, "taken out")
        t.eq(m.port(), 8080, "kept")
    end,
}
