local M = {}
local s = ("x"):rep(1 << 40)
function M.f() return #s end
return M
