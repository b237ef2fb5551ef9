local M = { cache = setmetatable({}, { __mode = "k" }) }
function M.f() return 1 end
return M
