local M = { lib = string }
function M.f() return 1 end
return M
