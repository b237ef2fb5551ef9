local M = {}
local print = print
function M.with(_ENV) x = (x or 0) + 1 return x end
return M
