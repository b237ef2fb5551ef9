local M = {}
function M.rate() return 1 end
function M.other() return "same" end
return M
