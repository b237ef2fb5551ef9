local M = {}
local gold = 0
function M.earn(n) gold = gold + n end
function M.spend(n) gold = gold - n return gold end
return M
