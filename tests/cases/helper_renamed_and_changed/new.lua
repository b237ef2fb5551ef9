local M = {}
local serial = 100
local function fresh() serial = serial + 5 return serial end
function M.make() return fresh() end
function M.last() return serial end
return M
