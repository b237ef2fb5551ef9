local M = {}
function M.f() return 1 end
M.again = M.f
return M
