local M = {}
function M.f() return "new a" end
return M
