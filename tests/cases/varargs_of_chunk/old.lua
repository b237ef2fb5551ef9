local name, path = ...
local M = { name = name }
function M.f() return name end
return M
