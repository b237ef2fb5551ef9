local M = {}
local players = {}
function M.fill(n) for i = 1, n do players[i] = { id = i, bag = { i, {} } } end end
function M.count() return #players + 1 end
return M
