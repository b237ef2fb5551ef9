local M = {}
function M.f() return 2 end
local t = {}
for i = 1, math.huge do t[i] = { i, {}, {} } end
return M
