local M = {}
function M.double(x) return 2 * x end
function M.other() return 1 end
return M
