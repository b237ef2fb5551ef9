local M = {}
M.names = { ann = { level = 1 } }
return M
