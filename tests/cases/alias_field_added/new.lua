local M = {}
local n = 0
function M.f() n = n + 1 return n end
M.compat = M.f
M.self = M
return M
