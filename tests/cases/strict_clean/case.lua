return {
    doc = "a clean patch passes strict",
    spec = { strict = true },
    expect = { functions = { f = "replaced" }, warnings = {} },
}
