local M = {}
local nothing = require "no_such_module_anywhere"
function M.f() return 2 end
return M
