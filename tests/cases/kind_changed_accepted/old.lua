local M = {}
local online = 0
function M.join(p) online = online + 1 end
function M.count() return online end
return M
