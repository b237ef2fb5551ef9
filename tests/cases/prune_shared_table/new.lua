local M = {}
local t = { a = 1, b = 2 }
SHARED = SHARED or { kept = true }
M.t = t
return M
