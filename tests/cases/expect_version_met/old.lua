local M = { VERSION = "1.2" }
function M.f() return 1 end
return M
