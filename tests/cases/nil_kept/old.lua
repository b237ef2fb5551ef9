local M = {}
local name = "guest"
local queue = {}
function M.forget() name = nil queue = nil end
function M.state() return name, queue, 1 end
return M
