local M = {}
function M.a() return 1 end
return M
