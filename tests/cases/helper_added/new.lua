local M = {}
local function polite(name) return "dear " .. name end
function M.greet(name) return "hello " .. polite(name) end
return M
