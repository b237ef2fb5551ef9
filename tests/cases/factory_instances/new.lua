local M = {}
local made = 0
function M.counter(start)
    made = made + 1
    local n = start
    local function add(k) n = n + k * 10 return n end
    return { add = add, get = function() return n, made, "new" end }
end
return M
