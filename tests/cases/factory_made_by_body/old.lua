local M = {}
local made = 0
local function counter(start)
    made = made + 1
    local n = start
    return function() n = n + 1 return n, made end
end
M.a = counter(0)
M.b = counter(100)
return M
