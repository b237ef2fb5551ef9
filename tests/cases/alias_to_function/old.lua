local M = {}
local show = tostring
M.len = string.len
function M.f(x) return show(x) end
return M
