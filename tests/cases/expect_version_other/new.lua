local M = { VERSION = "1.3" }
function M.f() return 2 end
return M
