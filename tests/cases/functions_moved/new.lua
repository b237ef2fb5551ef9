local M = {}
local b, a = 20, 10
function M.three() return a + b, "sum" end
function M.two() b = b + 2 return b end
function M.one() a = a + 2 return a end
return M
