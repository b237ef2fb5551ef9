return {
    doc = "effects that are new or gone are listed, and not performed",
    expect = { functions = { f = "replaced" }, effects = { "new bus.on", "gone bus.on" }, warnings = { "R11+" } },
    after = function(m, t) t.eq(#require "bus".handlers, 2, "nothing was called") end,
}
