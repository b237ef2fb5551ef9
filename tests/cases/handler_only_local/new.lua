local bus = require "bus"
local M = {}
local n = 0
local limits = { low = 1, high = 9 }
bus.on("tick", function() n = n + limits.low return n end)
function M.get() return n, limits.high end
return M
