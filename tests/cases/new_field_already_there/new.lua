local M = {}
M.limit = 10
M.cache = { kind = "new" }
function M.f() return 2 end
return M
