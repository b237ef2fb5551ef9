local M = {}
local n = 0
function M.f() n = n + 10 return n end
function M.__hotfix() for i = 1, 100 do n = n + 0 end end
return M
