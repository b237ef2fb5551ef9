local M = {}
local n = 0
local function root() n = n + 1 return n end
local function middle() return root() + 1 end
function M.f() return 7 end
function M.n() return n end
return M
