local M = {}
local n = 0
function M.f() n = n + 1 return "v2", n end
function M.two() return 2 end
return M
