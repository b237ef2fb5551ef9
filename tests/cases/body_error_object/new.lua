local M = {}
function M.f() return 2 end
error({ code = 7 })
return M
