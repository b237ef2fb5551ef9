local bus = require "bus"
local M = {}
bus.on("stop", function() return "stop" end)
return M
