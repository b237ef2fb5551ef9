local M = {}
M.mode = "simple"
function M.f() return M.mode end
return M
