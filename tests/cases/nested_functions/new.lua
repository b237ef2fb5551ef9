local M = {}
local made = 0
function M.counter(start)
    made = made + 1
    local n = start
    return function() n = n + 2 return n end
end
function M.made() return made end
return M
