local bus = require "bus"
local M = {}
local n = 0
bus.on("login", function() n = n + 1 end)
function M.n() return n end
return M
