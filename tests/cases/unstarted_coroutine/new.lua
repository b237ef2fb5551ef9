local M = {}
local base = 40
local co = coroutine.create(function() coroutine.yield(base + 1) return base + 2 end)
function M.base() return base end
function M.step() return select(2, coroutine.resume(co)) end
return M
