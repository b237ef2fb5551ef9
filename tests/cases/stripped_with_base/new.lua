local M = {}
local n = 0
local m = 100
local function helper(x) m = m + x return m end
function M.f() n = n + 10 return n, helper(5) end
return M
