local M = {}
M.default = { hp = 10 }
M.current = M.default
function M.f() return 1 end
return M
