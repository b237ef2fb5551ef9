local M = {}
local even, odd
local calls = 0
function even(n) calls = calls + 1 if n == 0 then return "EVEN" end return odd(n - 1) end
function odd(n) calls = calls + 1 if n == 0 then return "ODD" end return even(n - 1) end
function M.parity(n) return even(n), calls end
return M
