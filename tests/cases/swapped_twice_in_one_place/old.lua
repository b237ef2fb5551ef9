local M = {}
function M.f() return "old f" end
function M.g() return "old g" end
return M
