local M = {}
local on_kill
function M.set(f) on_kill = f end
function M.kill() return on_kill and on_kill() end
return M
