local M = {}
local n = 0
local function helper() n = n + 2 return n end
function M.f() return helper() + 0 end
function M.g() return n + 0 end
return M
