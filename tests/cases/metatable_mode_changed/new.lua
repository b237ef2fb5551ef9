local M = { cache = setmetatable({}, { __mode = "v" }) }
function M.f() return 1 end
return M
