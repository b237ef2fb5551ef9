return {
    doc = "a file that was edited before hotpatch was loaded is not what runs: it must not be used as the base",
    base = "disk",
    load = function(t)
        local m = require "m"
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write(t.text("new.lua"))
        file:close()
        return m
    end,
    before = function(m) m.f() end,
    expect = { base = "none", functions = { f = "replaced" }, warnings = { "R03" } },
    after = function(m, t) t.eq(m.f(), 3, "code and state") end,
}
