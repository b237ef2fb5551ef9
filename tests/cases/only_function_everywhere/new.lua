local M = {}
local n = 0
function M.f() n = n + 1 return "new", n end
function M.g() return "new" end
return M
