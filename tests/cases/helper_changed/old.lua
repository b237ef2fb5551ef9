local M = {}
local total = 0
local function tax(x) total = total + 1 return x * 2 end
function M.price(x) return tax(x) end
function M.calls() return total end
return M
