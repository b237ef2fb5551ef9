local M = { rates = { xp = 1, gold = 1 } }
local tick = 10
function M.tick() return tick end
return M
