local M = { VERSION = "1.2" }
function M.f() return 2 end
return M
