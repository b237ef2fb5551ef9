local M = {}
local seed = math.random(1 << 40)
M.token = string.format("%x", math.random(1 << 40))
function M.seed() return seed, "new" end
return M
