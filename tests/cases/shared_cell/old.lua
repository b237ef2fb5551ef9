local M = {}
local hits, misses = 0, 0
function M.hit() hits = hits + 1 end
function M.miss() misses = misses + 1 end
function M.report() return hits, misses end
return M
