local M = {}
function M.f() return 14 end
return M
