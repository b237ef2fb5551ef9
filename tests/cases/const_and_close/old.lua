local M = {}
local FACTOR <const> = 2
local closed = 0
function M.f(x)
    local guard <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
    return x * FACTOR
end
function M.closed() return closed end
return M
