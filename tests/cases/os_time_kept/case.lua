return {
    doc = "times taken while loading are state: they stay, without a warning",
    before = function(m) m.set(1000) end,
    expect = { functions = { uptime = "replaced" }, warnings = {} },
    after = function(m, t) t.eq(m.uptime(), 1000, "start of the server") end,
}
