local M = {}
local cache
function M.get(k) return cache and cache[k] end
return M
