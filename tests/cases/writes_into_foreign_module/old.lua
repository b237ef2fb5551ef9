local core = require "core"
core.handlers.login = function(x) return "in " .. x end
function core.extra() return 1 end
core.registered = true
local M = {}
function M.f() return 1 end
return M
