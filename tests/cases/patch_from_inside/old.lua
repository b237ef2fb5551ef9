local M = {}
local n = 0
function M.run(patch) n = n + 1 local report = patch() n = n + 100 return n, report end
return M
