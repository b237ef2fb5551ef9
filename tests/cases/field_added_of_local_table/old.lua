local M = {}
local stats = { hits = 0 }
function M.hit() stats.hits = stats.hits + 1 return stats.hits end
return M
