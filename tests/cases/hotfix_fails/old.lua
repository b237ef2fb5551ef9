local M = { limit = 1 }
local n = 0
local function helper() return "old helper" end
function M.f() n = n + 1 return n, helper() end
return M
