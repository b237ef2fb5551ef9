local M = { limit = 5 }
function M.old_api() return "old" end
function M.new_api() return "new" end
return M
