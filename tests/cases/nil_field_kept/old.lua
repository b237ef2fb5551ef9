local M = { motd = "hello", limit = 3 }
function M.show() return M.motd end
return M
