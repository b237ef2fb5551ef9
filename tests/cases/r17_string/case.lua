return {
    doc = "the standard library is never patched",
    target = "string",
    spec = { accept = { "R17" } },
    expect = { status = "refused", refusals = { "R17" } },
    after = function(m, t) t.eq(("x"):rep(2), "xx", "intact") end,
}
