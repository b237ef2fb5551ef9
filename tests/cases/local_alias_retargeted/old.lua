local M = {}
local function one() return 1 end
local function two() return 2 end
local chosen = one
function M.choose() return chosen() end
M.one, M.two = one, two
return M
