local M = {}
M.now = os.time
function M.f() return 1 end
return M
