local M = { limit = 5 }
function M.f() return 1 end
return M
