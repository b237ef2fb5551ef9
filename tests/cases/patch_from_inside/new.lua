local M = {}
local n = 0
function M.run(patch) n = n + 1000 return n end
return M
