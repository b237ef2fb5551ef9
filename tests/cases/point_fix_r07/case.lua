return {
    doc = "a bare local of a point fix that no live local matches has no value: R07",
    target = "m.f",
    expect = { status = "refused", refusals = { "R07" } },
}
