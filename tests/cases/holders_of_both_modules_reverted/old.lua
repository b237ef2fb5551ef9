local M = {}
function M.f() return "old a" end
return M
