local M = { n = 0 }
function M.f() return "new" end
function M.__hotfix(m) m.n = m.n + 1 end
return M
