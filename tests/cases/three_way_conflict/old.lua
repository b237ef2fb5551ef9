local M = { xp = 1, gold = 1 }
function M.f() return 1 end
return M
