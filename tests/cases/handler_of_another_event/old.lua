local bus = require "bus"
local M = {}
bus.on("tick", function() return "tick" end)
return M
