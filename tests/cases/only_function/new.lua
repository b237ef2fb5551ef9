local M = {}
local n = 0
local function helper(x) return -x end
local function fresh(x) return x * 10 end
function M.a() n = n + 1 return fresh(helper(n)) end
function M.b() return "b new" end
function M.c() return "c" end
return M
