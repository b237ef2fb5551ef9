local M = { log = {} }
function M.new() return setmetatable({}, M.mt) end
M.mt = { __gc = function() M.log[#M.log + 1] = "new" end }
return M
