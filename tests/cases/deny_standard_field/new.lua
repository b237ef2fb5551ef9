local M = { lib = string }
function M.f() return 2 end
return M
