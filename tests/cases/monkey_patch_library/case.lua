return {
    doc = "a function that the module put into a foreign table is its own, and is replaced there",
    before = function() ("  x "):trim_() end,
    expect = { functions = { ["string.trim_|m.string.trim_"] = "replaced" } },
    after = function(m, t)
        t.eq(("  x "):trim_(), "x", "code")
        t.eq(m.trimmed(), 2, "state")
    end,
    revert = function(m, t)
        t.eq(("  x "):trim_(), "x ", "code")
        string.trim_ = nil
    end,
}
