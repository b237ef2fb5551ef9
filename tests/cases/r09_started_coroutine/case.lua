return {
    doc = "a coroutine that the body started cannot be carried over: R09",
    expect = { status = "refused", refusals = { "R09" } },
}
