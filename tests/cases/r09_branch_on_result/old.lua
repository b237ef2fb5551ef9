local svc = require "svc"
local M = {}
function M.f() return "none" end
return M
