local M = {}
local Room = {}
Room.__index = Room
function Room.new(size) return setmetatable({ size = size }, Room) end
function Room:grow() self.size = self.size + 1 return self.size end
local function helper(x) return x end
M.Room = Room
function M.help(x) return helper(x) end
return M
