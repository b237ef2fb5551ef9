local M = {}
local print = print
function M.with(_ENV) x = (x or 0) + 10 return x end
function M.other(_ENV) return x, print ~= nil end
return M
