local M = {}
local a = 0
function M.f() a = a + 1 return a end
local b = 0
function M.g() b = b + 1 return b end
function M.h() return 0 end
local function make(x)
    return function() x = x + 1 return x end
end
M.made = { make(10) }
return M
