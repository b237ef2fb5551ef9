local M = {}
local function down(n) return 1 + down(n + 1) end
M.depth = down(1)
function M.f() return 2 end
return M
