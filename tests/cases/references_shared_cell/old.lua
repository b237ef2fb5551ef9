local M = {}
local function work(x) return "old " .. x end
function M.go(x) return work(x) end
return M
