local M = {}
local n = 0
M.f = "a constant now"
function M.get() return n * 10 end
return M
