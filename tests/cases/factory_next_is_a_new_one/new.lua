local M = {}
local function counter(x)
    local n = x
    return function(by)
        n = n + by
        if n > M.limit() then n = 0 end
        return n
    end
end
M.counter = counter
M.main = counter(14)
function M.limit() return 471 end
return M
