local bus = require "bus"
local M = {}
local n = 0
bus.on("login", function(who) n = n + 1 return "in " .. who .. n end)
bus.on("logout", function(who) n = n - 1 return "out " .. who .. n end)
bus.on("login", function(who) return "second" end)
return M
