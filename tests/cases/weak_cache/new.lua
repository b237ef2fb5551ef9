local M = {}
local cache = setmetatable({}, { __mode = "k" })
function M.put(k, v) cache[k] = v end
function M.get(k) return cache[k], "new" end
return M
