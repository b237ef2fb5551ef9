local M = {}
local n = 0
local m = 100
local function helper(x) m = m + x return m end
function M.f() n = n + 1 return n, helper(1) end
return M
