local M = {}
function M.rate() return 1 end
return M
