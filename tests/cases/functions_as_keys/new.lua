local M = {}
function M.f() return 2 end
function M.g() return 1 end
M.names = { [M.f] = "f", [M.g] = "g", [M] = "module" }
return M
