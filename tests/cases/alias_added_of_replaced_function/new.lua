local M = {}
function M.f() return 2 end
M.again = M.f
return M
