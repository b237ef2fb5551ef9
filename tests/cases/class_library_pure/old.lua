local class = require "class"
local Point = class()
function Point:len() return self.x + self.y end
return Point
