local bus = require "bus"
local M = {}
bus.on("login", function() return 1 end)
bus.on("logout", function() return 3 end)
function M.f() return 2 end
return M
