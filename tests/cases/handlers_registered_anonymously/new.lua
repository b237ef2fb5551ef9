local bus = require "bus"
local M = {}
local n = 0
bus.on("tick", function() return "tick" .. n end)
bus.on("logout", function(who) n = n - 1 return "OUT " .. who .. n end)
bus.on("login", function(who) n = n + 1 return "IN " .. who .. n end)
bus.on("login", function(who) return "SECOND" end)
return M
