local M = {}
local total = 0
function M.make(n)
    local own = n
    return { add = function(x) own = own + x total = total + x return own end, get = function() return own, "old" end }
end
function M.total() return total end
return M
