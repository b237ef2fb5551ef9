return {
    doc = "a patch that had __hotfix is not reverted unless R19 is accepted; its code is then old, what it did stays",
    again = false,
    expect = { status = "applied" },
    revert = false,
    after = function(m, t)
        t.eq(m.n, 1, "hotfix ran")
        local report = t.hotpatch.revert { accept = { "R19" } }
        t.eq(report.status, "reverted", "accepted")
        t.eq(m.f(), "old", "code")
        t.eq(m.n, 1, "what the hotfix did stays")
    end,
}
