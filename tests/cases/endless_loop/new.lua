local M = {}
function M.f() return 2 end
while true do end
return M
