local M = {}
function M.f() return 1 end
M.names = { [M.f] = "f", first = M.f }
return M
