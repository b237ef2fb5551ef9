local M = {}
local function double(x) return x * 2 end
function M.calc(x) return double(x) end
return M
