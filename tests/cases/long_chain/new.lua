local M = {}
local list
for i = 1, 200000 do list = { next = list, i = i } end
M.list = list
function M.f() local n, l = 0, list while l do n, l = n + 1, l.next end return n end
return M
