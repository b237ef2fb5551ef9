local M = { rooms = {}, limits = { rooms = 100 } }
local next_id = 0
local opened = {}
function M.open(name)
    next_id = next_id + 1
    opened[#opened + 1] = name
    M.rooms[next_id] = { name = name, limit = M.limits.rooms }
    return next_id
end
function M.opened() return opened end
return M
