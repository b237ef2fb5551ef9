local M = {}
local n = 0
local function act() n = n + 10 return n end
M.act = act
M.perform = act
M.map = { act = act }
return M
