local M = {}
M.default = { hp = 10, mp = 5 }
M.current = M.default
function M.f() return 2 end
return M
