return {
    doc = "a name that stands for two live locals, and nothing tells which: R02",
    target = "m.report",
    expect = { status = "refused", refusals = { "R02" } },
}
