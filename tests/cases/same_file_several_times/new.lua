local M = {}
local total = 0
function M.make(n)
    local own = n
    return { add = function(x) own = own + x total = total + x return own + 0 end, get = function() return own, "new", total end }
end
function M.total() return total, "new" end
return M
