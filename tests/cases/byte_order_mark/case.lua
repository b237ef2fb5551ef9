local bom = "\xEF\xBB\xBF"
local old = "local M = {}\nlocal n = 0\nfunction M.f() n = n + 1 return n end\nreturn M\n"
return {
    doc = "a UTF-8 byte order mark is skipped, as by require",
    load = function(t)
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write(bom, old)
        file:close()
        return require "m"
    end,
    spec = { source = bom .. old:gsub("n %+ 1", "n + 10") },
    before = function(m) m.f() end,
    expect = { base = "recorded", functions = { f = "replaced" }, warnings = {} },
    after = function(m, t) t.eq(m.f(), 11, "code and state") end,
}
