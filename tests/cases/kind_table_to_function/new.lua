local M = {}
M.names = function() return { ann = 1 } end
M.f = { call = 1 }
return M
