local M = {}
function M.g() return "old b" end
return M
