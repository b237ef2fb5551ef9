return {
    doc = "a point fix of a field that does not exist anywhere below a loaded module: its table must exist",
    target = "m.Skil.cast",
    expect = { status = "refused" },
}
