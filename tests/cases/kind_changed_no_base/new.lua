local M = {}
M.mode = { "simple" }
function M.f() return M.mode[1] end
return M
