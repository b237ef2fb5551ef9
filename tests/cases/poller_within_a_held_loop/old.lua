local M = {}
function M.f(x) return "old" .. (x or "") end
function M.iterate(n, i) if i < n then return i + 1, "old" end end
return M
