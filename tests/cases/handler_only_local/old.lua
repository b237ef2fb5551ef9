local bus = require "bus"
local M = {}
local n = 0
local limits = { low = 1 }
bus.on("tick", function() n = n + limits.low return n end)
return M
