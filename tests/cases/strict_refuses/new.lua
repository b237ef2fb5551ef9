local M = { limit = 6 }
function M.f() return 2 end
return M
