local M = {}
function M.make(x)
    local twice = x * 2
    M.last = twice
    return function() return x end
end
return M
