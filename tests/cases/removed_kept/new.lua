local M = {}
function M.new_api() return "newer" end
return M
