local M = {}
M.config = { speed = 1, size = 2 }
function M.f() return M.config.speed end
return M
