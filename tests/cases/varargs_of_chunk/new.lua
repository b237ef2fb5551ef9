local name, path = ...
local M = { name = name, where = path and "file" or "none" }
function M.f() return name .. "!" end
return M
