local M = { handlers = { a = function() end, b = function() end, c = function() end } }
return M
