return {
    doc = "hotpatch does not patch itself",
    target = "hotpatch",
    expect = { status = "refused", refusals = { "R17" } },
}
