local M = {}
local total = 0
local function count() total = total + 1 return total end
local a = 0
function M.f() a = a + 1 return a, count() end
local b = 0
function M.g() b = b + 1 return b, count() end
function M.h() return count() end
local function make(x)
    return function() x = x + 1 return x, count() end
end
M.made = { make(10) }
return M
