local M = {}
local a = 1
function M.get() return a end
return M
