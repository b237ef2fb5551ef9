local svc = require "svc"
local M = {}
local conn = svc.open("a")
function M.f() return conn.name end
return M
