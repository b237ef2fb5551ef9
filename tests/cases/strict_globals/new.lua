local M = {}
local have = rawget(_G, "no_such_global")
function M.f() return have == nil and 2 end
return M
