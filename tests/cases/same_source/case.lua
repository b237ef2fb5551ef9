return {
    doc = "the source that runs already is no change",
    before = function(m) m.f() end,
    expect = { status = "no_change", functions = {}, fields = {}, warnings = {}, effects = {} },
}
