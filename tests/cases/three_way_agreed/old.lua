local M = { xp = 1 }
function M.f() return 1 end
return M
