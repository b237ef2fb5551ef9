local M = {}
function M.rep() return "" end
return M
