local M = { xp = 2 }
function M.f() return 2 end
return M
