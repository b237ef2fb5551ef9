local M <const> = {}
local state <const> = { n = 0 }
function M.f() state.n = state.n + 10 return state.n, M end
function M.g() return state.n, M.f end
return M
