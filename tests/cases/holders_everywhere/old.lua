local M = {}
local n = 0
function M.f(x) n = n + 1 return "old", n end
function M.n() return n end
return M
