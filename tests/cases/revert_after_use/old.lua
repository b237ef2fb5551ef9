local M = { rooms = {} }
local next_id = 0
function M.open(name) next_id = next_id + 1 M.rooms[next_id] = { name = name } return next_id end
return M
