local M = {}
local function one() return 1 end
local function two() return 2 end
function M.both() return one(), two() end
M.current = one
M.other = two
return M
