local M = {}
local gen = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end)
function M.f() return gen() end
return M
