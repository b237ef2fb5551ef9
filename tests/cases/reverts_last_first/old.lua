local M = {}
local n = 0
function M.f() n = n + 1 return "v1", n end
return M
