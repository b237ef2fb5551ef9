local M = { limit = 5 }
function M.old_api() return "old" end
function M.f() return 1 end
return M
