local M = {}
local serial = 100
local function next_id() serial = serial + 1 return serial end
function M.make() return next_id() end
function M.last() return serial end
return M
