local M = {}
function M.rate() return 2 end
return M
