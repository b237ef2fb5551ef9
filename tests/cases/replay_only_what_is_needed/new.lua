local svc = require "svc"
local M = {}
local a = svc.next()
svc.start()
local b = svc.next()
function M.f() return a, b end
return M
