local M = {}
M.list = { x = 1, y = 2 }
M.alias = M.list
local held = M.list
function M.held() return held, "new" end
return M
