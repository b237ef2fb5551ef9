local M = { level = 3 }
function M.f() return M.level end
return M
