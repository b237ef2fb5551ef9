local M = {}
local function one() return 10 end
local function two() return 20 end
local chosen = two
function M.choose() return chosen() end
M.one, M.two = one, two
return M
