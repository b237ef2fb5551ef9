local M = {}
function M.f() return "new" end
return M
