local M = {}
function M.calc(x) return x * 4 end
return M
