local svc = require "svc"
local M = {}
local a = svc.first()
local b = svc.second()
M.added = { 1, 2 }
function M.f() return a, b end
return M
