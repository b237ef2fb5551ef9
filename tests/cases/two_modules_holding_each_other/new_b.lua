local M = {}
local held
function M.keep(f) held = f return f end
function M.g() return "new b:" .. held() end
return M
