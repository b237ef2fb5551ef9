local M = {}
function M.f() return "new" end
function M.iterate(n, i) if i < n then return i + 1, "new" end end
return M
