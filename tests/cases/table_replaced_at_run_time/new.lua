local M = {}
M.config = { speed = 1, size = 2, colour = "red" }
function M.f() return M.config.speed end
return M
