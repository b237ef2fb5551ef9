local M = { scores = setmetatable({}, { __index = function() return 0 end }) }
function M.get(k) return M.scores[k] end
return M
