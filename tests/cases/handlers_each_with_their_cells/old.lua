local bus = require "bus"
local M = {}
function M.attach(name)
    local hits = 0
    bus.on(function(event) hits = hits + 1 return "old " .. name .. event .. hits end)
end
return M
