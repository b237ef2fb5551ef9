return {
    doc = "what a push that failed had of the live program is let go at once: the next one does not find it, nor count it",
    before = function(m, t)
        function fail_here() error("not today") end
        t.keep.list = { m.f }
    end,
    expect = { status = "failed", error = "not today" },
    after = function(m, t)
        collectgarbage()
        collectgarbage("stop")
        t.eq(t.push(t.text("new.lua")).status, "failed", "and again")
        local report = t.push((t.text("old.lua"):gsub('"old"', '"newer"')))
        collectgarbage("restart")
        t.eq(report.status, "applied", "status")
        t.eq(report.references.table, 1, "the list alone")
        t.eq(report.references.key, 0, "no key")
        t.eq((t.keep.list[1]()), "newer", "code")
        fail_here = nil
    end,
}
