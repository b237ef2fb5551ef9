local M = {}
local serial = 0
local function fresh_number() serial = serial + 1 return serial end
function M.make() return { id = fresh_number() } end
return M
