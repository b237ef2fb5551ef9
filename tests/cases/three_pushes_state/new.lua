local M = {}
local a = 1
local b = 2
function M.get() b = b + 1 return a, b end
return M
