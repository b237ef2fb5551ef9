local M = {}
local base = 40
function M.base() return base end
return M
