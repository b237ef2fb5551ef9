local M = {}
function M.f(s) return "new" .. (s or "") end
return M
