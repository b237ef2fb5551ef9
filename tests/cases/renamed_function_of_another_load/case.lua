return {
    doc = "a function under a new name that the module has lost: that of another load of the same source is none of the module's",
    load = function(t)
        local m = require "m"
        t.keep.other = assert(loadfile(t.dir .. "/m.lua"))()
        m.set("m")
        t.keep.other.set("other")
        return m
    end,
    before = function(m) m.who = nil end,
    after = function(m, t)
        t.eq(m.name(), "m", "its own state")
        t.eq(t.keep.other.who(), "other", "that of the other load")
    end,
    revert = function(m, t) t.eq(m.name, nil, "gone again") t.eq(t.keep.other.who(), "other", "the other load") end,
}
