return {
    doc = "neither push nor revert of a changed alias touches other holders of the foreign functions",
    before = function(m, t)
        local out = require "out"
        t.keep.plain, t.keep.loud = out.plain, out.loud
        t.note.plain, t.note.loud = string.format("%p", out.plain), string.format("%p", out.loud)
    end,
    after = function(m, t) t.eq(m.say("x"), "X", "here") end,
    revert = function(m, t)
        local out = require "out"
        t.eq(m.say("x"), "x", "here")
        t.eq(string.format("%p", out.plain), t.note.plain, "the other module")
        t.eq(string.format("%p", out.loud), t.note.loud, "the other module")
        t.ok(t.keep.plain == out.plain and t.keep.loud == out.loud, "and others")
    end,
}
