local M = {}
function M.f() return "old" end
function M.g(...) return "old" .. select("#", ...) end
return M
