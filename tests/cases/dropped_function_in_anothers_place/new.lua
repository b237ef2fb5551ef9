local M = {}
local n = 0
function M.second() n = n + 1 return "second", n end
function M.third() return 30 end
function M.peek() return n end
return M
