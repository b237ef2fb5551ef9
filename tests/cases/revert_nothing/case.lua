return {
    doc = "with nothing to revert, and with a patch that does not exist, revert is refused with a sentence",
    expect = { status = "no_change" },
    after = function(m, t)
        t.eq(#t.hotpatch.log().patches, 0, "an empty log is an empty list")
        local report = t.hotpatch.revert()
        t.eq(report.status, "refused", "no patch")
        t.ok(report.error and #report.error.text > 0 or #report.refusals > 0, "a sentence")
        t.eq(t.hotpatch.revert(77).status, "refused", "no such patch")
    end,
}
