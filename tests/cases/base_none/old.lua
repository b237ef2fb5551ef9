local M = { limit = 3 }
local n = 0
local function helper(x) return x end
M.handlers = { a = function() return helper(n) end }
function M.f() n = n + 1 return helper(n) end
return M
