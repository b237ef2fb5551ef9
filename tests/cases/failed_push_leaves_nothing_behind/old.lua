local M = {}
local n = 0
function M.f() n = n + 1 return "old", n end
return M
