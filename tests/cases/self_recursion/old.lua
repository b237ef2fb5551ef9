local M = {}
local depth = 0
local function fact(n) depth = depth + 1 if n <= 1 then return 1 end return n * fact(n - 1) end
M.fact = fact
function M.depth() return depth end
return M
