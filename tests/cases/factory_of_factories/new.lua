local M = {}
local all = 0
function M.outer(a)
    local x = a
    return function(b)
        local y = b
        return function(c) x = x + c y = y + c all = all + c return "new", x, y, all end
    end
end
function M.all() return all end
return M
