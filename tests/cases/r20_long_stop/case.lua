local function source(n, v)
    local out = { "local M = { t = {} }" }
    for i = 1, n do out[#out + 1] = ("M.t.f%d = function() return %d end"):format(i, v) end
    out[#out + 1] = "return M"
    return table.concat(out, "\n")
end
return {
    doc = "so many places that the stop would exceed max_pause_ms: R20",
    load = function(t)
        local file = assert(io.open(t.dir .. "/m.lua", "w"))
        file:write(source(1000, 1))
        file:close()
        return require "m"
    end,
    spec = { source = source(1000, 2), max_pause_ms = 0.001 },
    expect = { status = "refused", refusals = { "R20" } },
    after = function(m, t) t.eq(m.t.f1(), 1, "old code") end,
}
