local M = {}
local rooms = { size = 3, open = function() return "wide open" end }
local halls = { doors = 2, close = function() return "closed" end }
M.current = halls
function M.rooms() return rooms end
return M
