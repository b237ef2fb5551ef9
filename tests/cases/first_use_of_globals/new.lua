local M = {}
function M.f(x) return tostring(x) .. type(x) end
function M.g() return _VERSION end
return M
