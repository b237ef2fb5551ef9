local M = {}
local hits, misses = 0, 0
function M.hit(n) hits = hits + (n or 1) end
function M.miss(n) misses = misses + (n or 1) end
function M.report() return hits, misses, hits + misses end
return M
