return {
    doc = "an alias that the program pointed elsewhere stays, even where the source changed it",
    before = function(m) m.redirect(require "out".file) end,
    expect = { status = "no_change", warnings = { "R12" } },
    after = function(m, t) t.eq(m.say("x"), "file:x", "kept") end,
}
