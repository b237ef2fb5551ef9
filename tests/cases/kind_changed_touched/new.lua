local M = {}
local online = {}
function M.join(p) online[p] = true end
function M.count() return online end
return M
