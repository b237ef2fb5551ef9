local M = {}
local function build(n)
    local t = {}
    for i = 1, n do t[i] = function() return i * 10 end end
    return t
end
M.table = build(3)
local squares = {}
for i = 1, 5 do squares[i] = i * i end
function M.square(i) return squares[i] or 0 end
return M
