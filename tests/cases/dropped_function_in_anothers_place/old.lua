local M = {}
local n = 0
function M.first() n = n + 1 return "first", n end
function M.second() n = n + 1 return "second", n end
function M.third() return 3 end
function M.peek() return n end
return M
