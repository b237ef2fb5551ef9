local M = { n = 0 }
function M.f() return "old" end
return M
