local M = {}
function M.f() return 10 end
return M
