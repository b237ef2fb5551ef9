local M = {}
local a, b = 0, 0
function M.one() a = a + 1 return "one", a end
function M.two() b = b + 1 return "two", b end
return M
