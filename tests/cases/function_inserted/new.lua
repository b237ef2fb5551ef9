local M = {}
local a, b = 0, 0
function M.zero() return "zero" end
function M.one() a = a + 1 return "one", a end
function M.half() a = a + 100 return "half", a end
function M.two() b = b + 1 return "two", b end
return M
