local M = { [outside] = true }
M.n = 1
return M
