local M = { unit = "m", height = 2 }
function M.f() return M.height .. " " .. M.unit end
function M.__hotfix(m) m.height = m.height * 100 m.unit = "cm" end
function M.__hotrevert(m) m.height = m.height // 100 m.unit = "m" end
return M
