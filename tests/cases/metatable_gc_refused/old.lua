local M = { conn = { open = true } }
function M.f() return 1 end
return M
