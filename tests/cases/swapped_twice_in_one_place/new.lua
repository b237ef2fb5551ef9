local M = {}
function M.g() return "new g" end
function M.f() return "new f" end
return M
