local M = {}
local n = 0
function M.one() n = n + 1 return 1 end
function M.two() return 2, n end
function M.three() return 3 end
return M
