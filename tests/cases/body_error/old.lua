local M = { n = 1 }
function M.f() return 1 end
return M
