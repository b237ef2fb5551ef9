local M = { conn = setmetatable({ open = true }, { __gc = function(c) c.open = false end }) }
function M.f() return 2 end
return M
