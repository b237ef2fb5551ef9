local M = {}
function M.f(x) return "new" .. (x or "") end
function M.iterate(n, i) if i < n then return i + 1, "new" end end
return M
