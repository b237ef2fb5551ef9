local M = {}
function M.twice(x) return 2 * x end
function M.other() return 1 end
return M
