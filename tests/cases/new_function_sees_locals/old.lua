local M = {}
local gold = 0
function M.earn(n) gold = gold + n end
return M
