local M = { rates = { xp = 2, gold = 1 } }
local tick = 20
function M.tick() return tick end
return M
