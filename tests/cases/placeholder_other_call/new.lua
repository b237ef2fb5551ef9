local svc = require "svc"
local M = {}
local conn = svc.open("b")
function M.f() return conn.name, 2 end
return M
