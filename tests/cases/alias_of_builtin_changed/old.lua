local M = {}
local convert = tostring
M.join = table.concat
function M.f(x) return convert(x) end
return M
