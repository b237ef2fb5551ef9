local M = { rates = { xp = 2, gold = 1 }, motd = "hello" }
local tick = 20
function M.tick() return tick end
return M
