local M = {}
local n = 1
function M.a() n = n + 1 return n end
local n = 500
function M.b() return n end
return M
