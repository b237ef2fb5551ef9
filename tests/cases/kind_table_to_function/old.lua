local M = {}
M.names = { ann = 1 }
M.f = function() return 1 end
return M
