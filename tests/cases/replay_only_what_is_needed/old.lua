local svc = require "svc"
local M = {}
local a = svc.next()
function M.f() return a end
return M
