local M = {}
local convert = tonumber
M.join = table.unpack
function M.f(x) return convert(x) end
return M
