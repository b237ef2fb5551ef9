local M = { mode = { name = "simple" } }
local online = {}
function M.join(p) online[p] = true end
function M.count() local n = 0 for _ in pairs(online) do n = n + 1 end return n end
return M
