local M = {}
function M.g() return "new b" end
return M
