local M = { verbose = true }
local enabled = true
function M.disable() enabled = false end
function M.state() return enabled, "new" end
return M
