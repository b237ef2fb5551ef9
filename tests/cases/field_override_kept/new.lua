local M = {}
function M.rate() return 1 end
function M.other() return "new" end
return M
