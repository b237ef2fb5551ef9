local M = {}
local name = ...
function M.who() return name end
function M.set(to) name = to end
return M
