return {
    doc = "the text recorded at load is the base, although the file was edited since",
    load = function(t)
        local m = require "m"
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write(t.text("new.lua"))
        file:close()
        return m
    end,
    before = function(m) m.f() end,
    expect = { base = "recorded", functions = { f = "replaced" }, warnings = { "R12 limit" } },
}
