local M = {}
local uses = 0
local function clamp(x) uses = uses + 1 return x < 0 and 0 or x end
function M.set(x) return clamp(x) end
return M
