local M = { unit = "m", height = 2 }
function M.f() return M.height .. M.unit end
return M
