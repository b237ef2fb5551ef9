local M = { limits = { players = 10 } }
function M.f() return M.limits.players end
return M
