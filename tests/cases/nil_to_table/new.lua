local M = {}
local cache = {}
function M.get(k) cache[k] = cache[k] or k return cache[k] end
return M
