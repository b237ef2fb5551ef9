local M = {}
local n = 0
local function helper(x) return x end
function M.a() n = n + 1 return helper(n) end
function M.b() return "b old" end
return M
