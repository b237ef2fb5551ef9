local M = {}
local a, b = 10, 20
function M.one() a = a + 1 return a end
function M.two() b = b + 1 return b end
function M.three() return a + b end
return M
