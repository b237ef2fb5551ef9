local M = {}
local n = 0
function M.one() n = n + 1 return 10 end
function M.two() return 2, n end
function M.three() return 30 end
return M
