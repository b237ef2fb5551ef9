local bus = require "bus"
local M = {}
local function make(x)
    return function() return "made" end
end
local first = make(1)
local second = make(2)
bus.on("event", function() return first() .. 2 end)
function M.use() return second() .. "!" end
return M
