local bus = require "bus"
local M = {}
bus.on("login", function() return 1 end)
bus.on("tick", function() return 2 end)
function M.f() return 1 end
return M
