local M = {}
local on_kill = function() return "default" end
function M.set(f) on_kill = f end
function M.kill() return on_kill() end
return M
