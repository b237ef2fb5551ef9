local M = { limit = 5, sub = { a = 1, b = 2 } }
function M.old_api() return "old" end
function M.new_api() return "new" end
return M
