return {
    doc = "expect_version that holds",
    spec = { expect_version = "1.2" },
    expect = { functions = { f = "replaced" } },
}
