local M = {}
M.vault = setmetatable({}, { __metatable = "locked", __index = function() return "new" end })
return M
