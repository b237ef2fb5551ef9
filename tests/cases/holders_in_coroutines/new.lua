local M = {}
function M.f() return "new" end
function M.g(...) return "new" .. select("#", ...) end
return M
