local count, step = 0, 1
local M = {}
function M.hit(n) count = count + step return count + n end
function M.each(list) for i = 1, #list do list[i] = M.hit(list[i]) end return list end
function M.maker() return function(x) return count + x end end
return M
