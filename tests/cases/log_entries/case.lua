return {
    doc = "the log has patches applied and reverted, newest first, with message and modules",
    spec = { message = "fix the thing" },
    round = false,
    expect = { status = "applied" },
    after = function(m, t)
        local log = t.hotpatch.log().patches
        t.eq(log[1].patch, t.report.patch, "number")
        t.eq(log[1].status, "applied", "status")
        t.eq(log[1].message, "fix the thing", "message")
        t.eq(log[1].modules[1], "m", "module")
        t.eq(log[1].functions, 1, "functions")
        t.ok(log[1].when:match("^%d%d%d%d%-%d%d%-%d%dT"), "when")
    end,
    revert = function(m, t) t.eq(t.hotpatch.log().patches[1].status, "reverted", "status after the revert") end,
}
