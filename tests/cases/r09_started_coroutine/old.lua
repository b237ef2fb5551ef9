local M = {}
function M.f() return 0 end
return M
