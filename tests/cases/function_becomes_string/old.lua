local M = {}
local n = 0
local t = {}
function M.f() n = n + 1 return n, t end
function M.get() return n end
return M
