local M = {}
function M.f() return 2 end
function M.__hotfix() while true do end end
return M
