local M = {}
local rooms = { size = 3, open = function() return "open" end }
M.current = rooms
function M.rooms() return rooms end
return M
