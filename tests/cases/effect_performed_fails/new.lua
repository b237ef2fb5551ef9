local bus = require "bus"
local M = {}
M.extra = { 1 }
bus.on("bad", M)
function M.f() return 2 end
return M
