local M = {}
M.vault = setmetatable({}, { __metatable = "locked", __index = function() return "old" end })
return M
