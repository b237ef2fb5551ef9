local M = { rates = { xp = 1, gold = 1 }, motd = "hi" }
local tick = 10
function M.tick() return tick end
return M
