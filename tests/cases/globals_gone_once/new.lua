local M = {}
function M.f() return 2 end
return M
