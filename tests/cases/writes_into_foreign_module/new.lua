local core = require "core"
core.handlers.login = function(x) return "IN " .. x end
core.handlers.logout = function(x) return "OUT " .. x end
function core.extra() return 2 end
core.registered = true
local M = {}
function M.f() return 1 end
return M
