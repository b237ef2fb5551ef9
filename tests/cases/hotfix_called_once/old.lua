local M = { scores = {} }
local calls = 0
function M.f() calls = calls + 1 return calls end
return M
