local M = { scores = {} }
function M.get(k) return M.scores[k] end
return M
