local M = {}
local uses = 0
function M.clamp(x) uses = uses + 1 return x < 0 and 0 or x end
function M.set(x) return M.clamp(x) end
function M.uses() return uses end
return M
