local M = {}
local function make(x)
    local twice = x * 2
    return function() return x + twice end
end
M.a = make(1)
M.b = make(5)
return M
