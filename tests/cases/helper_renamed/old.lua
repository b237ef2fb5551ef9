local M = {}
local serial = 0
local function next_id() serial = serial + 1 return serial end
function M.make() return { id = next_id() } end
return M
