local M = {}
local function work(x) return "new " .. x end
function M.go(x) return work(x) end
return M
