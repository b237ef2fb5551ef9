local function source(step, extra)
    local out = { "local M = {}" }
    for i = 1, 150 do out[#out + 1] = ("local v%d = %d"):format(i, i) end
    if extra then table.insert(out, 75, "local inserted = 7") end
    out[#out + 1] = "function M.sum() local s = 0"
    for i = 1, 150 do out[#out + 1] = ("v%d = v%d + %d s = s + v%d"):format(i, i, step, i) end
    if extra then out[#out + 1] = "s = s + inserted" end
    out[#out + 1] = "return s end return M"
    return table.concat(out, "\n")
end
return {
    doc = "150 upvalues of one function, with a new local in their midst",
    load = function(t)
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write(source(1, false))
        file:close()
        return require "m"
    end,
    spec = { source = source(2, true) },
    before = function(m, t) t.note.sum = m.sum() end,
    expect = { functions = { sum = "replaced" }, absent = { "sum^inserted" } },
    after = function(m, t) t.eq(m.sum(), t.note.sum + 300 + 7, "each joined to its own") end,
}
