local M = {}
local held
function M.keep(f) held = f end
function M.g() return "old b:" .. held() end
return M
