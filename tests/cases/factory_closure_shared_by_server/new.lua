local M = {}
local function counter(n) return function() n = n + 2 return n end end
M.a = counter(10)
M.b = counter(20)
local c = counter(30)
function M.c() return c() end
return M
