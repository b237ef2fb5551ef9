local M = { motd = "hello", limit = 3 }
function M.show() return M.motd or "nothing to say" end
return M
