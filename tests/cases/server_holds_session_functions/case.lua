return {
    doc = "sessions that are open stay open, and are served by the new code",
    before = function(m) m.open(1) m.feed(1, "ab") end,
    expect = { functions = { open = "replaced", ["feed^on_data"] = "replaced" } },
    after = function(m, t)
        t.eq(m.feed(1, "cd"), "abCD", "state and code")
        t.eq(m.sessions[1].opened, nil, "an old session is what it was")
    end,
}
