local M = {}
local Room = {}
Room.__index = Room
function Room.new(size) return setmetatable({ size = size }, Room) end
local function helper(x) return x end
M.Room = Room
function M.help(x) return helper(x) end
return M
