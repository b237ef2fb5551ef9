local M = { sub = { a = 1 } }
function M.new_api() return "newer" end
return M
