local M = {}
function M.f(s) return "old" .. (s or "") end
return M
