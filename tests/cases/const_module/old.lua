local M <const> = {}
local state <const> = { n = 0 }
function M.f() state.n = state.n + 1 return state.n, M end
return M
