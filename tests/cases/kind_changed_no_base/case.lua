return {
    doc = "without a base nobody can tell whether the live value was touched: R04 refuses",
    base = "none",
    expect = { status = "refused", refusals = { "R04 mode" }, warnings = { "R03" } },
}
