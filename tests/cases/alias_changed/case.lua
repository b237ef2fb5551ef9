return {
    doc = "an alias of a foreign function that the source changed changes here, and nowhere else",
    before = function(m, t)
        local out = require "out"
        t.keep.plain = out.plain
        t.note.plain = out.plain
    end,
    expect = { status = "applied" },
    after = function(m, t)
        t.eq(m.say("hi"), "HI!", "here")
        t.ok(require "out".plain == t.note.plain and t.keep.plain == t.note.plain, "not elsewhere")
    end,
    revert = function(m, t) t.eq(m.say("hi"), "hi", "back") end,
}
