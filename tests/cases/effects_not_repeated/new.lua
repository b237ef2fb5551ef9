local bus = require "bus"
local M = {}
local logins = 0
bus.on("login", function() logins = logins + 1 end)
bus.on("logout", function() logins = logins - 1 end)
bus.log[#bus.log + 1] = "loaded"
function M.logins() return logins, "new" end
return M
