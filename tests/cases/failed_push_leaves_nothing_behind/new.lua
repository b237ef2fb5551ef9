local M = {}
local n = 0
local z = fail_here()
function M.f() n = n + 1 return "new", n, z end
return M
