local M = {}
debug.setmetatable(0, { __index = { double = function(n) return n * 2 end } })
function M.f() return 1 end
return M
