local M = { [outside] = true }
M.n = 1
M.added = 2
return M
