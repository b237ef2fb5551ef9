local M = { level = 3 }
local function lvl() return M.level * 2 end
M.levels = { lvl, extra = lvl }
function M.f() return lvl() end
return M
