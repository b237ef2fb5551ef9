local M = {}
local name = ...
function M.name() return name end
function M.set(to) name = to end
return M
