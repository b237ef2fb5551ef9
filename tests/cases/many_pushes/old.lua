local M = {}
local n = 0
function M.f() n = n + 1 return 0, n end
return M
