local M = { handlers = { a = function() end, b = function() end } }
return M
