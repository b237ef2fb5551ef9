local M = {}
function M.f() return 2 end
function M.g( return 3 end
return M
