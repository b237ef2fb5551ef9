local M = {}
function M.f() return 12 end
return M
