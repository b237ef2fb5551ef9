-- one line more
local M = {}
local n = 0
function M.f() n = n + 1 return n end
function M.g() return "g" end
return M
