local M = {}
local trimmed = 0
function string.trim_(s) trimmed = trimmed + 1 return s:match("^%s*(.-)%s*$") end
function M.trimmed() return trimmed end
return M
