local svc = require "svc"
local M = {}
local id = svc.next() * 2 + 1
local name = "n-" .. svc.open("a").title
M.ids = { id, first = svc.next() }
function M.f() return id, name end
return M
