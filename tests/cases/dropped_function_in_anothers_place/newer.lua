local M = {}
local n = 0
local extra = 7
function M.second() n = n + 1 return "second", n end
function M.third() n = n + 1 return extra, n end
function M.peek() return n end
return M
