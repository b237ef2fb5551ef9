local M = {}
local function show(x) return "<" .. x .. ">" end
function M.len(s) return #s * 2 end
function M.f(x) return show(x) end
return M
