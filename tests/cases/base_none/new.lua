local M = { limit = 3 }
local n = 0
local function helper(x) return x * 100 end
M.handlers = { a = function() return helper(n) + 1 end, b = function() return n end }
function M.f() n = n + 2 return helper(n) end
return M
