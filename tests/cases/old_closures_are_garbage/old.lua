local M = {}
local n = 0
local function helper() n = n + 1 return n end
function M.f() return helper() end
function M.g() return n end
return M
