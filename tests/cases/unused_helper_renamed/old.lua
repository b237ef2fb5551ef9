local M = {}
local n = 0
local function base() n = n + 1 return n end
local function middle() return base() end
function M.f() return middle() end
function M.n() return n end
return M
