local M = {}
M.list = { x = 1 }
M.alias = M.list
local held = M.list
function M.held() return held end
return M
