local M = {}
local co = coroutine.create(function() coroutine.yield(1) return 2 end)
coroutine.resume(co)
function M.f() return select(2, coroutine.resume(co)) end
return M
