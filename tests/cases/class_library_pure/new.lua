local class = require "class"
local Point = class()
function Point:len() return math.abs(self.x) + math.abs(self.y) end
return Point
