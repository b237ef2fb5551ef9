local M = { limit = 4 }
local n = 0
function M.f() n = n + 2 return n end
return M
